/* The configuration of applications: what was set, else a variable of the environment,
 * else what the application brings. OTP: application:get_env/2, set_env/3. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "otp/application.h"

/* --- values of texts ----------------------------------------------------------------
 */

static const char *skip_digits(const char *s)
{
	while (isdigit((unsigned char)*s))
		s++;
	return s;
}

/* JSON's numbers, no others: 007 and 0x7 and 1. are texts. */
static bool is_number(const char *s)
{
	const char *digits;

	s += *s == '-';
	digits = s;
	s = skip_digits(s);
	if (s == digits || (*digits == '0' && s > digits + 1))
		return false;
	if (*s == '.') {
		digits = ++s;
		s = skip_digits(s);
		if (s == digits)
			return false;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '+' || *s == '-';
		digits = s;
		s = skip_digits(s);
		if (s == digits)
			return false;
	}
	return *s == '\0';
}

cJSON *env_typed(const char *text)
{
	double number;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return cJSON_CreateBool(*text == 't');
	if (strcmp(text, "null") == 0)
		return cJSON_CreateNull();
	number = is_number(text) ? strtod(text, NULL) : HUGE_VAL;
	return isfinite(number) ? cJSON_CreateNumber(number) : cJSON_CreateString(text);
}

/* --- asking -------------------------------------------------------------------------
 */

static cJSON *request(const char *method, const char *app, const char *key)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "method", method);
	(void)cJSON_AddStringToObject(json, "name", app);
	(void)cJSON_AddStringToObject(json, "key", key);
	return json;
}

/* *ret is what it has said; {} when there is nobody who could. */
static int ask_for(const char *app, const char *key, cJSON **ret)
{
	cJSON *json;
	kick_pid pid;
	int r = controller_find(false, &pid);

	if (r < 0 || !app) {
		*ret = r < 0 && r != -ESRCH ? NULL : cJSON_CreateObject();
		return r == -ESRCH || r == 0 ? 0 : r;
	}
	json = request("get_env", app, key);
	r = kick_call(kick_to(pid), json, KICK_INFINITY, ret, NULL);
	cJSON_Delete(json);
	return r;
}

int kick_application_get_env(const char *app, const char *key, cJSON **ret)
{
	cJSON *said = NULL, *value;
	const char *text;
	int r;

	*ret = NULL;
	if (!key || !*key)
		return -EINVAL;
	r = ask_for(app ? app : kick_application_name(), key, &said);
	if (r < 0)
		return r;
	text = getenv(key);
	value = cJSON_DetachItemFromObjectCaseSensitive(said, "set");
	if (!value && text)
		value = env_typed(text);
	if (!value)
		value = cJSON_DetachItemFromObjectCaseSensitive(said, "default");
	cJSON_Delete(said);
	*ret = value;
	return value ? 0 : -ENOENT;
}

int kick_application_set_env(const char *app, const char *key, const cJSON *value)
{
	cJSON *json;
	kick_pid pid;
	int r;

	if (!app)
		app = kick_application_name();
	if (!app || !*app || !key || !*key)
		return -EINVAL;
	r = controller_find(true, &pid);
	if (r < 0)
		return r;
	json = request("set_env", app, key);
	if (value)
		(void)cJSON_AddItemToObject(
			json, "value", cJSON_Duplicate(value, true));
	r = kick_call(kick_to(pid), json, KICK_INFINITY, NULL, NULL);
	cJSON_Delete(json);
	return r;
}
