/* The keys of a spec: which mappings there are, which keys each takes, and what a key holds. One row each, read by the
 * checks, by "did you mean", by `graphrun help` and by `graphrun schema`.
 */
#pragma once
#include "base/field.h"

/* What a key holds. Rows of the type F_FORM name one in `choices`; the names are those of the schema's definitions. */
typedef struct {
    const char *name, *doc;
    const Field *keys;                                /* of a mapping; NULL: it has no keys of its own */
    const char *others;                               /* form of the values under any other key; NULL: none are taken */
    const char *schema;                               /* JSON Schema of what else it may be; NULL: nothing else */
    const char *also;                                 /* JSON Schema's further conditions on the mapping; NULL: none */
} Form;
extern const Form form_table[];                       /* ends with name NULL */
const Form *form_named(const char *name);             /* NULL if there is none */
bool form_is_block(const Form *f);                    /* an item of a layer list that is no layer: `repeat`, `input` */

extern const Field spec_keys[], player_keys[], schedule_keys[], checkpoint_keys[], metric_keys[], output_keys[], body_keys[], advised_keys[],
    optimizer_keys[], source_keys[], repeat_keys[], for_keys[], when_keys[], loop_keys[], input_keys[];
extern const Field call_keys[];                       /* what every call takes besides its arguments */
extern const Field ambient_keys[];                    /* names that are there everywhere */
bool is_text_key(const char *key);                    /* of a body: what is not evaluated with it */
bool is_binding_key(const char *key);                 /* of a layer list: its value is `name in list`, no expression */
