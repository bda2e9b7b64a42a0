/* Every bound of kick in one place. The message that refuses names the limit. */
#ifndef KICK_BASE_LIMITS_H
#define KICK_BASE_LIMITS_H

#include <stdint.h>

/* An id is a path component, a log prefix and part of a name on the command line. */
#define KICK_ID_MAX 63

/* Supervisors within supervisors; a path of this depth still fits in KICK_PATH_MAX. */
#define KICK_DEPTH_MAX 16

/* What kick itself puts behind an id, with the end of the string. */
#define KICK_SUFFIX_MAX 8

/* Bytes of a path: ids joined by '/', with the end of the string. */
#define KICK_PATH_MAX (KICK_DEPTH_MAX * (KICK_ID_MAX + 1) + KICK_SUFFIX_MAX)

/* Children of one supervisor: positions are kept in 32 bits and walked. */
#define KICK_CHILDREN_MAX 20000

/* Partitions of one configuration or specification: those within others multiply. */
#define KICK_PARTITIONS_MAX (2 * KICK_CHILDREN_MAX)

/* Nanoseconds of a duration in a configuration, a hundred years: what is added to a
 * clock is still a time then. */
#define KICK_DURATION_MAX (INT64_C(100) * 365 * 86400 * 1000000000)

/* An exit reason as text, with the end of the string. */
#define KICK_REASON_MAX 96

/* The intensity keeps one time stamp for each restart that is allowed. */
#define KICK_RESTARTS_MAX 100000

/* A configuration file, all its includes together, and how deep its JSON may nest. */
#define KICK_CONFIG_MAX (16 << 20)
#define KICK_NESTING_MAX 64
#define KICK_CONFIG_FILES_MAX 1000

/* Reading them anew for a reload may take so long: a FIFO, or a file system that hangs,
 * must not be the last reload. */
#define KICK_CONFIG_SECONDS 5

/* Errors shown in one run of the configuration check; the rest is counted. */
#define KICK_DIAG_SHOWN 20

/* One request or answer of the control protocol, in bytes. */
#define KICK_REQUEST_MAX (256 << 10)

/* Clients of one control socket, and bytes that may wait for a slow one of them. */
#define KICK_CLIENTS_MAX 256
#define KICK_CLIENT_QUEUE_MAX (32 << 20)

/* Calls of one client that are not answered yet. */
#define KICK_CALLS_MAX 1024

/* Milliseconds in which a client must have sent the rest of a begun request. */
#define KICK_CLIENT_TIMEOUT_MS 10000

/* Milliseconds in which a process of kick answers a question; one that has not does not
 * answer. Orders have no limit but the user's. */
#define KICK_ANSWER_MS 5000

/* Bytes that may wait on a link between two of kick's own processes. */
#define KICK_LINK_QUEUE_MAX (4 << 20)

/* One message on a link (its descriptors apart). */
#define KICK_LINK_MESSAGE_MAX (60 << 10)

/* A runtime directory longer than this leaves no room in sun_path. */
#define KICK_RUNTIME_DIR_MAX 80

/* A line of output longer than this is passed on in pieces of this size. */
#define KICK_LINE_MAX (16 << 10)

/* What is kept of each child's output in memory: lines, and bytes of all of them. */
#define KICK_LAST_LINES 100
#define KICK_LAST_BYTES (16 << 10)

/* Events that the logger keeps for those who come later. */
#define KICK_LAST_EVENTS 256

/* Descriptors that a readiness notification may be given: {"fd": N}. */
#define KICK_READY_FD_MIN 3
#define KICK_READY_FD_MAX 9

/* Bytes of the address or URL of a probe; of an answer to it, as far as it is read; and
 * of what a program that is a probe may print: then it has failed. */
#define KICK_PROBE_TARGET_MAX 1000
#define KICK_PROBE_ANSWER_MAX (4 << 10)
#define KICK_PROBE_OUTPUT_MAX (256 << 10)

/* Listening sockets of an application: each process of kick has all of them. */
#define KICK_SOCKETS_MAX 256

/* Listening sockets of one child: descriptors 3 and up, below what kick needs itself.
 */
#define KICK_CHILD_SOCKETS_MAX 15

/* The most connections that may wait in a socket; the kernel's somaxconn bounds it too.
 */
#define KICK_BACKLOG_MAX 65535

/* An orphaned supervisor gets this long to stop its children in order. */
#define KICK_ORPHAN_GRACE_MS 5000

/* The wait after a refusal for want of resources (EAGAIN, EMFILE, ENOMEM): at least,
 * and at most, where a long period of max_seconds asks for more. */
#define KICK_RESOURCE_RETRY_MS 200
#define KICK_RESOURCE_RETRY_MAX_MS 30000

/* kickd's own messages in one second, and how many of them are kept for those that
 * must not be lost: who gives up, and why kickd ends. */
#define KICK_MESSAGES_PER_SECOND 10
#define KICK_MESSAGES_RESERVED 3

/* Environment variables of one child, and bytes of all of them. */
#define KICK_ENV_MAX 4096
#define KICK_ENV_BYTES_MAX (1 << 20)

/* Words of a command line. */
#define KICK_ARGV_MAX 1024

/* An agent's state as JSON. As it can be given and read in one request, it nests less
 * deep than one. */
#define KICK_AGENT_MAX (4 << 20)
#define KICK_AGENT_NESTING_MAX (KICK_NESTING_MAX - 3)

/* Entries of a registry, bytes of one key, and of all keys and values. */
#define KICK_ENTRIES_MAX 100000
#define KICK_KEY_MAX (4 << 10)
#define KICK_REGISTRY_MAX (64 << 20)

/* libkick: bytes of JSON in one message, and in one that is sent later. */
#define KICK_MESSAGE_MAX (256 << 20)
#define KICK_LATER_MAX (32 << 10)

#endif
