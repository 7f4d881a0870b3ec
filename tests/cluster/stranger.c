/* stranger.c - a process in a group of the cluster that does not speak its protocol, or speaks it badly
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: stranger GROUP [WORK:COUNT ...]
 *   Joins the group of corosync, prints "joined", does the work, prints "done", and stays there until it is
 * killed. empty      messages without a byte garbage    any bytes, of any length up to 2000 known      as
 * garbage, but the first byte is a kind that nodes know: q, r, or "who I am" truncated  what other hosts have
 * sent, cut off somewhere newer      what other hosts have sent, of the next version: a type that nobody
 * knows, or more behind what is known large      half a megabyte, twice what a server sends at most What
 * others send it has to hear first: it waits until there is enough. EC_SEED: another sequence of bytes. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <corosync/cpg.h>

enum { KEPT = 32, KEPT_MIN = 2, KEPT_BYTES = 4096, LARGE = 512 * 1024, WORK_MAX = 2000, NEWER_TYPE = 200 };

static struct kept {
    size_t length;
    unsigned char bytes[KEPT_BYTES + 8];
} kept[KEPT];
static int kept_count;
static cpg_handle_t cpg;
static unsigned int self;
static unsigned char large[LARGE];

static void die(const char *what)
{
    fprintf(stderr, "stranger: %s\n", what);
    exit(1);
}

static void on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
                       void *data, size_t length)
{
    /* what the server of our host says would be forged, not broken, coming from us */
    if (node == self || length < 8 || length > KEPT_BYTES)
        return;
    kept[kept_count % KEPT].length = length;
    memcpy(kept[kept_count++ % KEPT].bytes, data, length);
}

static void on_members(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
                       size_t member_count, const struct cpg_address *left, size_t left_count,
                       const struct cpg_address *joined, size_t joined_count)
{
}

/* Whoever reads nothing would make corosync keep it all. */
static void listen_for(int milliseconds)
{
    struct pollfd poll_fd = { .events = POLLIN };

    if (cpg_fd_get(cpg, &poll_fd.fd) != CS_OK)
        die("corosync does not answer");
    if (poll(&poll_fd, 1, milliseconds) > 0 && cpg_dispatch(cpg, CS_DISPATCH_ALL) != CS_OK)
        die("corosync has ended");
}

static void send_bytes(const void *bytes, size_t length)
{
    struct iovec part = { (void *)bytes, length };
    cs_error_t error;

    while ((error = cpg_mcast_joined(cpg, CPG_TYPE_AGREED, &part, 1)) == CS_ERR_TRY_AGAIN)
        listen_for(1);
    if (error != CS_OK)
        die("corosync takes no message");
    listen_for(0);
}

/* ---- work ------------------------------------------------------------------------------------ */

static int any(int bound)
{
    return (int)(random() % bound);
}

static int fill(unsigned char *bytes)
{
    int length = 1 + any(any(2) ? 20 : 2000);

    for (int i = 0; i < length; i++)
        bytes[i] = (unsigned char)random();
    return length;
}

static const struct kept *any_kept(void)
{
    return &kept[any(kept_count < KEPT ? kept_count : KEPT)];
}

static void send_empty(void)
{
    send_bytes("", 0);
}

static void send_garbage(void)
{
    unsigned char bytes[2001];
    int length = fill(bytes);

    bytes[0] |= 0x80; /* of no kind that is known anywhere */
    if (bytes[0] == 0xec)
        bytes[0]++;
    send_bytes(bytes, (size_t)length);
}

static void send_known(void)
{
    static const unsigned char kinds[] = { 'q', 'r', 1 };
    unsigned char bytes[2001];
    int length = fill(bytes);

    bytes[0] = kinds[any(3)];
    send_bytes(bytes, (size_t)length);
}

static void send_truncated(void)
{
    const struct kept *whole = any_kept();

    send_bytes(whole->bytes, (size_t)any((int)whole->length));
}

/* Magic, version, type: two bytes and two numbers of one byte each. */
static void send_newer(void)
{
    struct kept copy = *any_kept();

    copy.bytes[2]++;
    memcpy(copy.bytes + copy.length, "more", 4);
    if (any(2)) { /* types above 127 have two bytes */
        memmove(copy.bytes + 5, copy.bytes + 4, copy.length);
        copy.bytes[3] = (NEWER_TYPE & 0x7f) | 0x80;
        copy.bytes[4] = NEWER_TYPE >> 7;
    }
    send_bytes(copy.bytes, copy.length + 4);
}

static void send_large(void)
{
    send_bytes(large, LARGE);
}

static const struct {
    const char *name;
    void (*send)(void);
    int needs_others;
} works[] = {
    { "empty", send_empty, 0 },         { "garbage", send_garbage, 0 }, { "known", send_known, 0 },
    { "truncated", send_truncated, 1 }, { "newer", send_newer, 1 },     { "large", send_large, 0 },
};

static void work(const char *argument)
{
    size_t length = strcspn(argument, ":");
    int count = argument[length] == ':' ? atoi(argument + length + 1) : 1;

    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        if (strlen(works[i].name) != length || strncmp(works[i].name, argument, length) != 0)
            continue;
        while (works[i].needs_others && kept_count < KEPT_MIN)
            listen_for(1000);
        for (int n = 0; n < count && n < WORK_MAX; n++)
            works[i].send();
        return;
    }
    die("no such work");
}

int main(int argc, char **argv)
{
    cpg_callbacks_t callbacks = { on_message, on_members };
    const char *seed = getenv("EC_SEED");
    struct cpg_name group;

    if (argc < 2 || strlen(argv[1]) >= CPG_MAX_NAME_LENGTH)
        die("usage: stranger GROUP [WORK:COUNT ...]");
    srandom(seed != NULL ? (unsigned)atoi(seed) : 1);
    group.length = (uint32_t)strlen(argv[1]);
    memcpy(group.value, argv[1], group.length);
    if (cpg_initialize(&cpg, &callbacks) != CS_OK || cpg_local_get(cpg, &self) != CS_OK ||
        cpg_join(cpg, &group) != CS_OK)
        die("can not join: does corosync run here?");
    printf("joined\n");
    fflush(stdout);
    for (int i = 2; i < argc; i++)
        work(argv[i]);
    printf("done\n");
    fflush(stdout);
    for (;;)
        listen_for(1000);
}
