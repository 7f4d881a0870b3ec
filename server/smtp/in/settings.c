/* settings.c - what the configuration says about a session, and whether that has changed
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session keeps the generation that it began with.  At MAIL and RSET it looks for a
 * newer one: when nothing that is read here differs, it changes over without a word,
 * otherwise the client gets 421 and comes back to the new settings. */
#include <string.h>
#include <unistd.h>

#include <apr_network_io.h>

#include "smtp/in/session.h"

/* Every option that smtp/in reads for a session. */
static const conf_opt_t concerns[] = {
    CONF_O_HOSTNAME,
    CONF_O_SMTP_EXTENSIONS,
    CONF_O_CONTEXT,
    CONF_O_PATHWAY,
    CONF_O_RECEIVED_HOSTNAME,
    CONF_O_IDLE_TIME,
    CONF_O_MAX_MESSAGE_SIZE,
    CONF_O_MAX_RECIPIENTS_PER_MESSAGE,
    CONF_O_MAX_RECIPIENTS_PER_CONNECTION,
    CONF_O_MAX_RECEPTIONS_PER_CONNECTION,
    CONF_O_RELAY_HOSTS,
    CONF_O_RELAY_DOMAINS,
    CONF_O_RELAY_FOR_SENDING_DOMAINS,
    CONF_O_OPEN_RELAY,
    CONF_O_REQUIRE_EHLO,
    CONF_O_ALLOW_NULL_ENVELOPE_SENDER,
    CONF_O_ALLOW_IP_LITERAL,
    CONF_O_ALLOW_TRAILING_WHITESPACE_IN_COMMANDS,
    CONF_O_DOMAIN_FOR_UNQUALIFIED_SENDER_ADDRESS,
    CONF_O_DOMAIN_FOR_UNQUALIFIED_RECIPIENT_ADDRESSES,
    CONF_O_RFC2822_LONE_LF_IN_HEADERS,
    CONF_O_RFC2822_LONE_LF_IN_BODY,
    CONF_O_RFC2822_MAX_LINE_LENGTH,
    CONF_O_RFC2822_DATE_HEADER,
    CONF_O_RFC2822_MESSAGEID_HEADER,
    CONF_O_RFC2822_MISSING_HEADERS,
    CONF_O_RFC2822_TRACE_HEADERS,
};
enum { CONCERNS = sizeof concerns / sizeof concerns[0] };

/* ---- taking up ---------------------------------------------------------------------- */

static void take_up(ec_conn_t *conn, conf_t *conf, const conf_view_t *view)
{
    conf_t *old = conn->conf;

    conn->conf = conf_ref(conf);
    conn->view = view;
    if (old != NULL) {
        conf_unref(old);
    }
}

int in_settings_renew(ec_conn_t *conn)
{
    conf_t *conf = conf_current();
    const conf_stanza_t *listen;
    const conf_view_t *view;

    if (conn->conf != NULL && conf != NULL && conf_generation(conf) <= conf_generation(conn->conf)) {
        return 1;
    }
    listen = conf == NULL ? NULL : in_listener_stanza(conn->listener, conf);
    if (listen == NULL) {
        return 0;
    }
    view = conf_inbound(conf, listen, in_peer_for_matching(conn));
    if (conn->view != NULL && !conf_view_is_same(conn->view, view, concerns, CONCERNS)) {
        return 0;
    }
    take_up(conn, conf, view);
    return 1;
}

/* ---- reading ------------------------------------------------------------------------ */

const char *in_hostname(const conf_view_t *view)
{
    static _Thread_local char own[APRMAXHOSTLEN];
    const char *name = conf_str(view, CONF_O_HOSTNAME);

    if (name != NULL) {
        return name;
    }
    if (own[0] == '\0' && gethostname(own, sizeof own - 1) != 0) {
        return "localhost";
    }
    return own;
}

apr_interval_time_t in_idle_time(const ec_conn_t *conn)
{
    return conf_interval(conn->view, CONF_O_IDLE_TIME);
}

/* Rows are indexed by the option's words, in the order of options.def. */
static in_rule_t rule_of(const conf_view_t *view, conf_opt_t opt, const in_rule_t *rules, int n)
{
    apr_int64_t i = conf_int(view, opt);

    return i >= 0 && i < n ? rules[i] : IN_RULE_IGNORE;
}

static void set_long_lines(in_body_rules_t *rules, const conf_view_t *view)
{
    static const in_rule_t of_word[] = { IN_RULE_IGNORE, IN_RULE_REFUSE, IN_RULE_MEND };
    const ec_value_t *value = conf_get(view, CONF_O_RFC2822_MAX_LINE_LENGTH);

    rules->line_max = 998; /* RFC 5322 2.1.1 */
    if (value == NULL) {
        rules->long_lines = IN_RULE_IGNORE;
    } else if (value->i >= 0) {
        rules->long_lines = IN_RULE_REFUSE;
        rules->line_max = (apr_size_t)value->i;
    } else {
        rules->long_lines = of_word[(-1 - value->i) % 3];
    }
}

void in_settings_rules(in_body_rules_t *rules, const conf_view_t *view)
{
    static const in_rule_t date[] = { IN_RULE_IGNORE, IN_RULE_REFUSE, IN_RULE_MEND };
    static const in_rule_t message_id[] = { IN_RULE_IGNORE, IN_RULE_MEND };
    static const in_lone_t lone[] = { IN_LONE_KEEP, IN_LONE_REFUSE, IN_LONE_FIX };
    const ec_value_t *lone_in_body = conf_get(view, CONF_O_RFC2822_LONE_LF_IN_BODY);
    const ec_value_t *lone_in_header = conf_get(view, CONF_O_RFC2822_LONE_LF_IN_HEADERS);

    rules->store.block_size = (apr_size_t)conf_int(view, CONF_O_GROWBUF_SIZE);
    rules->store.large_threshold = (apr_size_t)conf_int(view, CONF_O_LARGE_MESSAGE_THRESHOLD);
    rules->store.large_dir = in_backend()->large_dir;
    rules->max_size = (apr_uint64_t)conf_int(view, CONF_O_MAX_MESSAGE_SIZE);
    rules->lone_in_header = lone_in_header != NULL && lone_in_header->i == 0 ? IN_LONE_FIX : IN_LONE_REFUSE;
    rules->lone_in_body = lone_in_body == NULL ? IN_LONE_REFUSE : lone[lone_in_body->i % 3];
    set_long_lines(rules, view);
    rules->date = rule_of(view, CONF_O_RFC2822_DATE_HEADER, date, 3);
    rules->message_id = rule_of(view, CONF_O_RFC2822_MESSAGEID_HEADER, message_id, 2);
    rules->needs_header = conf_int(view, CONF_O_RFC2822_MISSING_HEADERS) == 0;
    rules->hostname = in_hostname(view);
}
