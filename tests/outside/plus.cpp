/* plus.cpp - a module in C++17: every kind of row compiles there, too
 * SPDX-License-Identifier: Apache-2.0 */
#include <string>

#include <ec/header.h>
#include <ec/module.h>
#include <ec/slot.h>

namespace {

struct per_conn {
    std::string *sender;
};
EC_SLOT_TYPE(conn_slot, per_conn)

struct plus {
    const char *refuse, *token, *peer, *network;
    apr_int64_t most, room, level;
    int is_on, mode, color;
    double share;
    apr_interval_time_t pause, wait;
    const char *const *names, *const *pairs;
    const ec_cidr_set_t *friends;
    const ec_regex_t *pattern;
    ec_throttle_t rate;
    ec_values_t numbers;
    ec_option_handle_t plus_level;
    conn_slot_t slot;
};

void end(void *data)
{
    delete static_cast<per_conn *>(data)->sender;
}

apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    conn_slot_init(&static_cast<plus *>(self)->slot, instance, end);
    return APR_SUCCESS;
}

ec_verdict_t on_mail(void *self, ec_conn_t *conn, const char *sender)
{
    plus *p = static_cast<plus *>(self);
    per_conn *mine = conn_slot_of_conn(&p->slot, conn);

    if (mine->sender == nullptr) {
        mine->sender = new std::string;
    }
    *mine->sender = sender;
    if (*mine->sender != p->refuse) {
        return EC_CONTINUE;
    }
    ec_conn_reply(conn, 550, "5.7.1 not you");
    return EC_REJECT;
}

void show(void *self, ec_answer_t *answer)
{
    const plus *p = static_cast<plus *>(self);
    ec_node_t *root = ec_answer_root(answer);

    ec_node_int(root, "most", p->most);
    ec_node_int(root, "color", p->color);
    ec_node_int(root, "level", p->level);
    ec_node_int(root, "wait", p->wait);
    ec_node_int(root, "rate", p->rate.count);
    ec_node_int(root, "numbers", p->numbers.n);
    ec_node_int(root, "added", ec_option_value(ec_options_global(), p->plus_level)->i);
}

const char *check_refuse(const char *text, apr_pool_t *pool)
{
    return std::string(text).find('@') == std::string::npos ? "it has no @" : nullptr;
}

const char *const colors[] = { "red", "green", nullptr };

const ec_option_t options[] = {
    EC_OPT_STRING_CHECKED(plus, refuse, "a@b.test", check_refuse, "Who."),
    EC_OPT_SECRET(plus, token, "A secret."),
    EC_OPT_SOCKADDR(plus, peer, "127.0.0.1:25", "An address."),
    EC_OPT_SOCKADDR_PORTLESS(plus, network, "127.0.0.1", "An address."),
    EC_OPT_INT(plus, most, "3", 0, 5, "A number."),
    EC_OPT_SIZE(plus, room, "1K", "Bytes."),
    EC_OPT_ENUM_INT(plus, level, "red", colors, "A number or a color."),
    EC_OPT_BOOL(plus, is_on, "true", "Yes or no."),
    EC_OPT_PERMS(plus, mode, "0640", "A mode."),
    EC_OPT_ENUM(plus, color, "green", colors, "A color."),
    EC_OPT_FLOAT(plus, share, "0.5", "A part."),
    EC_OPT_TIME(plus, pause, "5", "A time."),
    EC_OPT_MSECS(plus, wait, "250", "A time."),
    EC_OPT_LIST(plus, names, nullptr, "Names."),
    EC_OPT_DICT(plus, pairs, nullptr, "Pairs."),
    EC_OPT_CIDR_LIST(plus, friends, nullptr, "Networks."),
    EC_OPT_REGEX(plus, pattern, "^a", "A pattern."),
    EC_OPT_THROTTLE(plus, rate, "10/60", "A rate."),
    EC_OPT_ARRAY(plus, numbers, INT, nullptr, "Numbers."),
    EC_OPT_ADDED(plus, plus_level, INT, "1", "global", "A level.", .min = 1, .max = 9),
    EC_OPT_END
};
const ec_option_t inner[] = { EC_OPT_STRING(plus, refuse, "", "Inside."), EC_OPT_END };
const ec_stanza_kind_t stanzas[] = { { "inside", nullptr, EC_STANZA_NAMED, inner }, EC_STANZA_END };
const ec_hook_t hooks[] = { EC_HOOK(smtp_mail, on_mail), EC_HOOK_END };
const ec_command_t commands[] = { { "show", EC_CMD_READ, show, "what is set" }, EC_COMMAND_END };

} // namespace

EC_MODULE(plus, plus, .summary = "in C++", .version = "1.7", .options = options, .stanzas = stanzas, .hooks = hooks,
          .commands = commands, .init = init);
