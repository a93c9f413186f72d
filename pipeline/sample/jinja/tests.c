/*
 * tests.c - the tests of Jinja, what follows `is`, that chat templates use
 */
#include "pipeline/sample/jinja/node.h"

#include <string.h>

enum test_name {
    DEFINED,
    UNDEFINED,
    NONE,
    IS_STRING,
    MAPPING,
    ITERABLE,
    SEQUENCE,
    NUMBER,
    INTEGER,
    FLOAT,
    BOOLEAN,
    IS_TRUE,
    IS_FALSE,
    EQUALTO,
    EQ,
    SIGN_EQ,
    NE,
    IN,
    ODD,
    EVEN,
    TESTS
};
static const char *const tests[TESTS] = {[DEFINED] = "defined",
                                         [UNDEFINED] = "undefined",
                                         [NONE] = "none",
                                         [IS_STRING] = "string",
                                         [MAPPING] = "mapping",
                                         [ITERABLE] = "iterable",
                                         [SEQUENCE] = "sequence",
                                         [NUMBER] = "number",
                                         [INTEGER] = "integer",
                                         [FLOAT] = "float",
                                         [BOOLEAN] = "boolean",
                                         [IS_TRUE] = "true",
                                         [IS_FALSE] = "false",
                                         [EQUALTO] = "equalto",
                                         [EQ] = "eq",
                                         [SIGN_EQ] = "==",
                                         [NE] = "ne",
                                         [IN] = "in",
                                         [ODD] = "odd",
                                         [EVEN] = "even"};

bool jinja_has_test(const char *name)
{
    return jinja_place(tests, TESTS, name) >= 0;
}

bool jinja_test(struct run *r, const char *name, json_t *v, const struct arguments *a)
{
    json_t *other = run_argument(a, 0, NULL), *one;
    size_t i;
    bool there = v != r->undefined;
    switch (jinja_place(tests, TESTS, name)) {
    case DEFINED:
        return there;
    case UNDEFINED:
        return !there;
    case NONE:
        return json_is_null(v);
    case IS_STRING:
        return json_is_string(v);
    case MAPPING:
        return there && json_is_object(v);
    case ITERABLE:
    case SEQUENCE:
        return !there ? *name == 'i' : json_is_array(v) || json_is_object(v) || json_is_string(v);
    case NUMBER:
        return json_is_number(v) || json_is_boolean(v);
    case INTEGER:
        return json_is_integer(v);
    case FLOAT:
        return json_is_real(v);
    case BOOLEAN:
        return json_is_boolean(v);
    case IS_TRUE:
        return json_is_true(v);
    case IS_FALSE:
        return json_is_false(v);
    case ODD:
    case EVEN:
        return json_is_integer(v) && ((json_integer_value(v) & 1) != 0) == (*name == 'o');
    case IN:
        json_array_foreach(other, i, one) if (run_equal(r, one, v)) return true;
        return false;
    default:
        return other && run_equal(r, v, other) == (*name != 'n');
    }
}
