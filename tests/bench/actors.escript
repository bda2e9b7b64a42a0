#!/usr/bin/env escript
%% The same measures as actors.c, in Erlang: one JSON object. Its processes share an
%% emulator, where kick's are Unix processes.
-mode(compile).
-define(CALLS, 20000).
-define(CASTS, 50000).
-define(SPAWNS, 5000).
-define(LOOKUPS, 50000).

main(Args) ->
    Alive = case Args of [N] -> list_to_integer(N); [] -> 5000 end,
    Request = #{op => pledge, name => <<"larry">>, amount => 100},
    Server = spawn(fun server/0),
    register(echo, Server),
    Call = each(?CALLS, fun() -> call(Server, Request) end),
    {CastUs, _} = timer:tc(fun() ->
        [Server ! {cast, Request} || _ <- lists:seq(1, ?CASTS)],
        call(Server, Request)
    end),
    process_flag(trap_exit, true),
    Spawn = each(?SPAWNS, fun() ->
        Pid = spawn_link(fun() -> ok end),
        receive {'EXIT', Pid, normal} -> ok end
    end),
    Whereis = each(?LOOKUPS, fun() -> Server = whereis(echo) end),
    {StartUs, Pids} = timer:tc(fun() ->
        [spawn_link(fun idle/0) || _ <- lists:seq(1, Alive)]
    end),
    {memory, Memory} = process_info(hd(Pids), memory),
    {StopUs, _} = timer:tc(fun() ->
        [exit(Pid, shutdown) || Pid <- Pids],
        [receive {'EXIT', Pid, _} -> ok end || Pid <- Pids]
    end),
    io:format("{\"call_us\": ~.3f, \"cast_per_s\": ~.1f, \"spawn_us\": ~.3f, "
              "\"whereis_us\": ~.3f, \"idle_kib\": ~.1f, \"alive\": ~b, "
              "\"start_ms\": ~.1f, \"stop_ms\": ~.1f}~n",
              [Call, ?CASTS / CastUs * 1.0e6, Spawn, Whereis, Memory / 1024, Alive,
               StartUs / 1000, StopUs / 1000]).

server() ->
    receive
        {call, From, Ref, Request} -> From ! {Ref, Request}, server();
        {cast, _} -> server()
    end.

idle() ->
    receive never -> ok end.

call(Server, Request) ->
    Ref = monitor(process, Server),
    Server ! {call, self(), Ref, Request},
    receive {Ref, Answer} -> demonitor(Ref, [flush]), Answer end.

%% The median of the rounds' means: the clock is too coarse for one.
each(N, Fun) ->
    Rounds = [begin
        {Us, _} = timer:tc(fun() -> repeat(N div 10, Fun) end),
        Us / (N div 10)
    end || _ <- lists:seq(1, 9)],
    lists:nth(5, lists:sort(Rounds)).

repeat(0, _) -> ok;
repeat(N, Fun) -> Fun(), repeat(N - 1, Fun).
