/* offer.c - a module that offers a word when it has one, and asks for the word that is offered
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ec/module.h>
#include <ec/service.h>

typedef struct {
    const char *(*word)(void *self);
} words_t;

struct offer {
    const char *word;
    ec_service_t *place;
    char at_start[64];
};

static const char *own_word(void *self)
{
    return ((struct offer *)self)->word;
}

static const words_t functions = { own_word };

static const char *ask_for(const struct offer *offer, int version)
{
    void *self;
    const words_t *words = ec_service_get(offer->place, version, &self);

    return words == NULL ? "none" : words->word(self);
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct offer *offer = self;

    offer->place = ec_service("words");
    if (offer->word[0] != '\0')
        ec_service_offer(instance, "words", 1, &functions, offer);
    return APR_SUCCESS;
}

static apr_status_t start(void *self, const char **why)
{
    struct offer *offer = self;

    strncpy(offer->at_start, ask_for(offer, 1), sizeof offer->at_start - 1);
    if (strcmp(offer->word, "fails") == 0) {
        *why = "it was told to";
        return EC_E_MODULE;
    }
    return APR_SUCCESS;
}

static void ask(void *self, ec_answer_t *answer)
{
    struct offer *offer = self;
    ec_node_t *root = ec_answer_root(answer);

    ec_node_text(root, "at_start", offer->at_start);
    ec_node_text(root, "now", ask_for(offer, 1));
    ec_node_text(root, "newer", ask_for(offer, 2));
}

static const ec_option_t options[] = {
    EC_OPT_STRING(struct offer, word, "", "what is offered; empty: nothing"),
    EC_OPT_END,
};
static const ec_command_t commands[] = { { "ask", EC_CMD_READ, ask, "the word" }, EC_COMMAND_END };

EC_MODULE(offer, struct offer, .summary = "offers a word", .options = options, .commands = commands, .init = init,
          .start = start);
