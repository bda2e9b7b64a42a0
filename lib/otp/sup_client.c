/* Supervisors in code, the caller's side: see sup_server.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "otp/sup_server.h"

static int result_of(const cJSON *said, kick_pid *ret, kick_reason *why)
{
	static const struct {
		const char *text;
		int code;
	} results[] = { { "ok", 0 }, { "already_started", -EEXIST },
		{ "already_present", -EALREADY }, { "not_found", -ESRCH },
		{ "running", -EBUSY }, { "restarting", -EBUSY },
		{ "max_children", -ENOSPC }, { "start_failed", -ECANCELED },
		{ "cancelled", -ECANCELED }, { "shutting_down", -ESHUTDOWN },
		{ "dynamic_supervisor", -EOPNOTSUPP }, { "no_memory", -ENOMEM } };
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "result"));
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "reason"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(said, "pid");

	if (ret)
		*ret = kick_pid_from_json(pid);
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s",
			reason					  ? reason
				: text && strcmp(text, "ok") != 0 ? text
								  : "");
	for (size_t i = 0; text && i < ARRAY_LEN(results); i++)
		if (strcmp(text, results[i].text) == 0)
			return results[i].code == 0 && ret && !pid ? KICK_IGNORE
								   : results[i].code;
	return -EINVAL;
}

int sup_ask(
	kick_dest to, cJSON *request, kick_pid *ret, kick_reason *why, cJSON **ret_said)
{
	cJSON *said = NULL;
	int r = request ? kick_call(to, request, KICK_INFINITY, &said, why) : -ENOMEM;

	cJSON_Delete(request);
	if (r == 0)
		r = result_of(said, ret, why);
	if (ret_said)
		*ret_said = said;
	else
		cJSON_Delete(said);
	return r;
}

cJSON *sup_request(const char *method, const char *id)
{
	cJSON *request = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(request, "method", method);
	if (id)
		(void)cJSON_AddStringToObject(request, "id", id);
	return request;
}

int kick_supervisor_start_link(const kick_supervisor_options *options,
	const kick_child_spec *specs, size_t n, kick_pid *ret, kick_reason *why)
{
	struct sup_server_plan plan = { .specs = specs, .n = n };

	return sup_server_start(&plan, options, ret, why);
}

int kick_dynamic_supervisor_start_link(
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why)
{
	struct sup_server_plan plan = { .dynamic = true };

	return sup_server_start(&plan, options, ret, why);
}

int kick_supervisor_stop(kick_dest supervisor)
{
	return kick_server_stop_call(supervisor, "normal", KICK_INFINITY, NULL);
}

int kick_supervisor_start_child(kick_dest supervisor, const kick_child_spec *spec,
	kick_pid *ret, kick_reason *why)
{
	cJSON *request;
	kick_pid pid;

	if (!child_spec_is_good(spec, true))
		return -EINVAL;
	request = sup_request("start_child", NULL);
	(void)cJSON_AddItemToObject(request, "spec", child_spec_to_json(spec));
	return sup_ask(supervisor, request, ret ? ret : &pid, why, NULL);
}

int kick_supervisor_terminate_child(kick_dest supervisor, const char *id)
{
	return sup_ask(
		supervisor, sup_request("terminate_child", id), NULL, NULL, NULL);
}

int kick_supervisor_restart_child(
	kick_dest supervisor, const char *id, kick_pid *ret, kick_reason *why)
{
	kick_pid pid;

	return sup_ask(supervisor, sup_request("restart_child", id), ret ? ret : &pid,
		why, NULL);
}

int kick_supervisor_delete_child(kick_dest supervisor, const char *id)
{
	return sup_ask(supervisor, sup_request("delete_child", id), NULL, NULL, NULL);
}

int kick_dynamic_supervisor_terminate_child(kick_dest supervisor, kick_pid child)
{
	cJSON *request = sup_request("terminate_child", NULL);

	(void)cJSON_AddItemToObject(request, "pid", kick_pid_to_json(child));
	return sup_ask(supervisor, request, NULL, NULL, NULL);
}

static int ask_list(kick_dest supervisor, const char *method, cJSON **ret)
{
	cJSON *request = sup_request(method, NULL);
	cJSON *said = NULL;
	int r = kick_call(supervisor, request, KICK_INFINITY, &said, NULL);

	cJSON_Delete(request);
	if (r < 0)
		return r;
	/* Whoever answered is no supervisor. */
	if (!said || cJSON_HasObjectItem(said, "error")) {
		cJSON_Delete(said);
		return -EINVAL;
	}
	*ret = said;
	return 0;
}

int kick_supervisor_which_children(kick_dest supervisor, cJSON **ret)
{
	return ask_list(supervisor, "which_children", ret);
}

int kick_supervisor_count_children(kick_dest supervisor, cJSON **ret)
{
	return ask_list(supervisor, "count_children", ret);
}
