/* corosync.c - corosync.conf, made from the names of the members
 * SPDX-License-Identifier: Apache-2.0
 *
 * Times: a host that falls silent is given up by the others after its token (T) and the time that they need
 * to agree (1.2 T, corosync's consensus), measured: 2.25 T.  Then what it held is free after lease_window +
 * lease_margin.  While the others agree nothing is renewed, so their own leases, of which a sixth may be
 * over, must last longer than that.
 *
 * Links: each member has one, so there is nothing for its transport (knet) to change over to, and a link that is called down by
 * mistake only stops all for half a second.  By itself knet does that to one that said nothing for half a token; it looks each
 * 200 ms, and a ping that goes beside the row, as one does each 8,192 packets, makes it leave the next one out.  So a link is down
 * after LINK_DEAD_MS, whatever the token: who is dead is found out by the token. */
#include "main/corosync.h"

#include <ctype.h>
#include <string.h>

#include <apr_network_io.h>
#include <apr_strings.h>

enum { TOKEN_MIN = 100, SETTLE_MS = 250, LINK_PING_MS = 200, LINK_DEAD_MS = 1000 };

/* 2.25 T */
static int detection_ms(int token)
{
    return token * 9 / 4;
}

static int is_name(const char *text)
{
    size_t length = 0;

    for (; text[length] != '\0'; length++) {
        unsigned char c = (unsigned char)text[length];

        if (!islower(c) && !isdigit(c) && strchr("-_.", c) == NULL)
            return 0;
    }
    return length > 0 && length < 64;
}

/* Without a port; brackets stand around IPv6 with one. */
static const char *plain_address(const char *text, apr_pool_t *pool)
{
    const char *colon = strchr(text, ':');

    if (text[0] == '[' && strchr(text, ']') != NULL)
        return apr_pstrmemdup(pool, text + 1, (apr_size_t)(strchr(text, ']') - text - 1));
    return colon != NULL && strchr(colon + 1, ':') == NULL
               ? apr_pstrmemdup(pool, text, (apr_size_t)(colon - text))
               : text;
}

/* It is written into a file of lines. */
static int is_address(const char *text)
{
    size_t length = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_%");

    return length > 0 && length < 256 && text[length] == '\0';
}

const char *corosync_add(corosync_plan_t *plan, const char *name, const char *address, apr_pool_t *pool)
{
    corosync_member_t *member = &plan->members[plan->count];

    if (plan->count == COROSYNC_MEMBERS_MAX)
        return apr_psprintf(pool, "there are more than %d peers", COROSYNC_MEMBERS_MAX);
    if (!is_name(name))
        return apr_psprintf(pool, "the peer \"%s\" is to be one word in lower case, below 64", name);
    member->name = name;
    member->address = plain_address(address, pool);
    if (!is_address(member->address))
        return apr_psprintf(pool, "\"%s\" is no address (peer \"%s\")", address, name);
    plan->count++;
    return NULL;
}

/* FNV-1a, folded to what corosync's transport takes for a node. */
static int id_of(const char *name)
{
    apr_uint32_t hash = 2166136261u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return (int)((hash ^ hash >> 16) % 65535) + 1;
}

static const char *set_ids(corosync_plan_t *plan, apr_pool_t *pool)
{
    for (int i = 0; i < plan->count; i++) {
        corosync_member_t *member = &plan->members[i];

        member->id = id_of(member->name);
        for (int j = 0; j < i; j++) {
            const corosync_member_t *other = &plan->members[j];

            if (other->id == member->id)
                return apr_psprintf(pool,
                                    "the names \"%s\" and \"%s\" give the same number %d: change one of them",
                                    other->name, member->name, member->id);
            if (strcmp(other->address, member->address) == 0)
                return apr_psprintf(pool, "\"%s\" and \"%s\" have the same address %s", other->name,
                                    member->name, member->address);
        }
    }
    return NULL;
}

const char *corosync_plan(corosync_plan_t *plan, apr_pool_t *pool)
{
    int wanted = (plan->failover_ms - plan->lease_ms - plan->margin_ms - SETTLE_MS) * 4 / 9;
    int most = (plan->lease_ms * 5 / 6 - 100) * 4 / 9;

    if (plan->count == 0)
        return "msgc_server names no peers";
    plan->token_ms = wanted < most ? wanted : most;
    if (plan->token_ms < TOKEN_MIN)
        return apr_psprintf(
            pool,
            "a failover within %d ms with a lease of %d + %d ms leaves no time to notice it: a later "
            "failover, or a shorter lease_window",
            plan->failover_ms, plan->lease_ms, plan->margin_ms);
    return set_ids(plan, pool);
}

int corosync_failover_ms(const corosync_plan_t *plan)
{
    return detection_ms(plan->token_ms) + plan->lease_ms + plan->margin_ms + SETTLE_MS;
}

static const char *security(const corosync_plan_t *plan, apr_pool_t *pool)
{
    if (plan->keyfile == NULL)
        return "  crypto_cipher: none\n  crypto_hash: none\n";
    return apr_pstrcat(pool, "  crypto_cipher: aes256\n  crypto_hash: sha256\n  keyfile: ", plan->keyfile,
                       "\n", NULL);
}

static const char *members_text(const corosync_plan_t *plan, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; i < plan->count; i++)
        text = apr_psprintf(pool, "%s  node {\n    ring0_addr: %s\n    name: %s\n    nodeid: %d\n  }\n", text,
                            plan->members[i].address, plan->members[i].name, plan->members[i].id);
    return text;
}

/* Two: each goes on alone when it has seen the other once.  A single one needs nobody. */
static const char *quorum_text(const corosync_plan_t *plan)
{
    if (plan->count == 2)
        return "  two_node: 1\n";
    return plan->is_last_man && plan->count > 2 ? "  wait_for_all: 1\n  last_man_standing: 1\n" : "";
}

static const char *access_text(const corosync_plan_t *plan, apr_pool_t *pool)
{
    if (plan->user == NULL)
        return "";
    return apr_psprintf(pool, "uidgid {\n  uid: %s\n  gid: %s\n}\n", plan->user, plan->group);
}

const char *corosync_text(const corosync_plan_t *plan, apr_pool_t *pool)
{
    int failover = corosync_failover_ms(plan);

    return apr_psprintf(
        pool,
        "# Made by ec_ctl cluster-config from the peers of msgc_server: change them there.\n"
        "# A dead member is noticed after %d ms; what it held of cluster-wide limits is free for the others\n"
        "# after at most %d.%d s.\n"
        "totem {\n  version: 2\n  cluster_name: ecelerity\n  transport: knet\n  token: %d\n"
        "  token_coefficient: 0\n%s"
        "  interface {\n    linknumber: 0\n    knet_ping_interval: %d\n    knet_ping_timeout: %d\n  }\n}\n"
        "nodelist {\n%s}\n"
        "quorum {\n  provider: corosync_votequorum\n%s}\n"
        "%slogging {\n  to_stderr: no\n  to_syslog: yes\n}\n",
        detection_ms(plan->token_ms), failover / 1000, failover % 1000 / 100, plan->token_ms,
        security(plan, pool), LINK_PING_MS, LINK_DEAD_MS, members_text(plan, pool), quorum_text(plan), access_text(plan, pool));
}
