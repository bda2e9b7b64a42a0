/* cJSON is generous: it takes a NUL for an end, any bytes for text, a thousand levels
 * of brackets, and cuts a string at an escaped NUL. A control socket is read from
 * whoever may connect, so a line is looked at byte by byte before cJSON sees it. */
#include "control/jsonrpc.h"

#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define STRINGIFY(x) #x
#define AS_TEXT(x) STRINGIFY(x)

const char *jsonrpc_error_text(enum protocol_error code)
{
#define X(id, number, text) { number, text },
	static const struct {
		int code;
		const char *text;
	} rows[] = { PROTOCOL_ERRORS(X) };
#undef X

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].code == (int)code)
			return rows[i].text;
	return "error";
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool jsonrpc_is_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_space(line[i]))
			return false;
	return true;
}

static const char *check_text(const char *line, size_t n)
{
	size_t at = 0;

	while (at < n) {
		bool valid;
		size_t len =
			utf8_length((const unsigned char *)line + at, n - at, &valid);

		if (line[at] == '\0')
			return "a NUL byte in a message";
		if (!valid)
			return "not UTF-8";
		at += len;
	}
	return NULL;
}

/* Counts brackets outside of strings, and finds the escaped NUL within them. */
static const char *check_shape(const char *line, size_t n)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		char c = line[i];

		if (in_string && c == '\\') {
			if (n - i >= 6 && memcmp(line + i, "\\u0000", 6) == 0)
				return "an escaped NUL in a string";
			i++;
		} else if (c == '"') {
			in_string = !in_string;
		} else if (!in_string && (c == '{' || c == '[')) {
			depth++;
		} else if (!in_string && (c == '}' || c == ']')) {
			depth--;
		}
		if (depth > KICK_NESTING_MAX)
			return "nested deeper than " AS_TEXT(
				KICK_NESTING_MAX) " (KICK_NESTING_MAX)";
	}
	return NULL;
}

static bool fail(
	struct jsonrpc_fault *ret, enum protocol_error code, const char *message)
{
	*ret = (struct jsonrpc_fault){ .code = code, .message = message };
	return false;
}

/* The members of a request; ret->id is set first, so that faults find it. */
static bool check_members(struct jsonrpc *r, struct jsonrpc_fault *ret_fault)
{
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(r->root, "jsonrpc");
	const cJSON *method = cJSON_GetObjectItemCaseSensitive(r->root, "method");
	cJSON *id = cJSON_GetObjectItemCaseSensitive(r->root, "id");

	if (id && !cJSON_IsNumber(id) && !cJSON_IsString(id) && !cJSON_IsNull(id))
		return fail(ret_fault, PROTOCOL_E_REQUEST,
			"\"id\" is neither a number nor a string nor null");
	r->id = id;
	if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0") != 0)
		return fail(
			ret_fault, PROTOCOL_E_REQUEST, "\"jsonrpc\" is not \"2.0\"");
	if (!cJSON_IsString(method))
		return fail(
			ret_fault, PROTOCOL_E_REQUEST, "\"method\" is not a string");
	r->method = method->valuestring;
	r->params = cJSON_GetObjectItemCaseSensitive(r->root, "params");
	if (cJSON_IsNull(r->params))
		r->params = NULL;
	if (r->params && !cJSON_IsObject(r->params))
		return fail(
			ret_fault, PROTOCOL_E_PARAMS, "\"params\" is not an object");
	return true;
}

bool jsonrpc_parse(const char *line, size_t n, struct jsonrpc *ret,
	struct jsonrpc_fault *ret_fault)
{
	const char *wrong = check_text(line, n);
	const char *end = NULL;

	*ret = (struct jsonrpc){ 0 };
	if (!wrong)
		wrong = check_shape(line, n);
	if (wrong)
		return fail(ret_fault, PROTOCOL_E_PARSE, wrong);
	while (n > 0 && is_space(*line)) {
		line++;
		n--;
	}
	if (n > 0 && *line == '[')
		return fail(ret_fault, PROTOCOL_E_REQUEST, "batches are not served");
	ret->root = cJSON_ParseWithLengthOpts(line, n, &end, 0);
	if (!ret->root)
		return fail(ret_fault, PROTOCOL_E_PARSE, "not JSON");
	if (!jsonrpc_is_blank(end, (size_t)(line + n - end))) {
		jsonrpc_done(ret);
		return fail(ret_fault, PROTOCOL_E_PARSE, "something after the message");
	}
	if (!cJSON_IsObject(ret->root)) {
		jsonrpc_done(ret);
		return fail(ret_fault, PROTOCOL_E_REQUEST, "a request is an object");
	}
	return check_members(ret, ret_fault);
}

void jsonrpc_detach(struct jsonrpc *r)
{
	if (r->params)
		(void)cJSON_DetachItemViaPointer(r->root, r->params);
	if (r->id)
		(void)cJSON_DetachItemViaPointer(r->root, r->id);
}

void jsonrpc_done(struct jsonrpc *r)
{
	cJSON_Delete(r->root);
	*r = (struct jsonrpc){ 0 };
}

void jsonrpc_add_head(struct buf *b, const cJSON *id)
{
	char *text = id ? cJSON_PrintUnformatted(id) : NULL;

	buf_adds(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_adds(b, text ? text : "null");
	buf_addc(b, ',');
	cJSON_free(text);
}

void jsonrpc_add_error(struct buf *b, const cJSON *id, enum protocol_error code,
	const char *message, const char *data_json)
{
	if (!message)
		message = jsonrpc_error_text(code);
	jsonrpc_add_head(b, id);
	buf_addf(b, "\"error\":{\"code\":%d,\"message\":", (int)code);
	buf_add_json(b, message, strlen(message));
	if (data_json) {
		buf_adds(b, ",\"data\":");
		buf_adds(b, data_json);
	}
	buf_adds(b, "}}\n");
}
