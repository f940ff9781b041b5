/* table: named values as .csv and as text: single numbers under each other, or columns of numbers with one row a sample. */
#include <errno.h>
#include <string.h>

#include "out/columns.h"

typedef struct { Exprs table; } Options;

static const Field options[] = {
    {"table", F_EXPRS, offsetof(Options, table), NULL, 0, 0, NULL,
     "a mapping from names to numbers, or to tensors with the same number of rows"},
    {0},
};

static bool check(const void *options_, int nvalue, const Tensor *value, Diags *d, Loc loc) {
    const Options *o = options_;
    (void)nvalue;
    return columns_check("table", &o->table, value, d, loc);
}

static bool write_form(OutputJob *job, const Columns *c, bool csv) {
    char path[OUT_PATH];
    Bytes text = {0};
    (csv ? columns_csv : columns_text)(c, &text);
    bool ok = out_path(job, false, csv ? ".csv" : ".txt", path, sizeof path) && out_file(job, path, &text, csv);
    bytes_free(&text);
    return ok;
}

static bool write(OutputJob *job, const void *options_) {
    const Options *o = options_;
    Columns c;
    if (!columns_of(&c, &o->table, job->value)) return out_fail(job, job->name, "no memory for the table");
    bool ok = write_form(job, &c, false) && write_form(job, &c, true);
    columns_free(&c);
    return ok;
}

static int suits(int n, const Tensor *value, bool named) {
    bool small = n > 0 && (named || !value[0].shape.rank) && columns_fit(n, value);
    return small ? 2 : 0;
}

OUTPUT(table, .doc = "named values, as .csv and as text",
       .example = "{table: {mean: mean(digits.image), spread: std(digits.image)}}",
       .options_size = sizeof(Options), .options = options,
       .suits = suits, .check = check, .write = write)
