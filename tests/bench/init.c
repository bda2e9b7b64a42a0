/* The least that a first process does: starts a program, reaps whatever ends, ends with
 * the program. The floor of PID 1. Usage: init PROGRAM [ARGUMENT...] */
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t child, ended;
	int status;

	if (argc < 2)
		return 2;
	child = vfork();
	if (child == 0) {
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	do
		ended = waitpid(-1, &status, 0);
	while (ended > 0 && ended != child);
	return ended < 0 ? 1 : WEXITSTATUS(status);
}
