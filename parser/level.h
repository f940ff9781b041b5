/* How tightly operators bind, from loose to tight: read by the parser and by expr_show. */
#pragma once

enum { LAMBDA = 1, OR, AND, NOT, COMPARE, SUM, PRODUCT, NEGATE, POWER, POSTFIX };

int binary_level(const char *op);                     /* 0 if it is no operator with two sides */
