/* code_classes.c - small Python classes with a worked example in the docstring */
#include "pipeline/demo/code.h"

static void counter(struct gen *g)
{
    int start = gen_range(g, 0, 20), a = gen_range(g, 1, 9), b = gen_range(g, 1, 9);
    gen_num(g, "n0", start);
    gen_num(g, "na", a);
    gen_num(g, "nb", b);
    gen_num(g, "n1", start + a);
    gen_num(g, "n2", start + a + b);
    gen_code(g, "class Counter:\n    \"\"\"A number that can be raised.\n\n    >>> c = Counter($n0)\n    >>> "
                "c.add($na)\n"
                "    $n1\n    >>> c.add($nb)\n    $n2\n    \"\"\"\n\n    def __init__(self, value=0):\n"
                "        self.value = value\n\n    def add(self, step=1):\n        self.value += step\n"
                "        return self.value\n");
}

static void stack(struct gen *g)
{
    bool queue = gen_chance(g, 40);
    int a = gen_range(g, 1, 50), b = gen_range(g, 51, 99);
    gen_set(g, "cn", queue ? "Queue" : "Stack");
    gen_set(g, "va", queue ? "q" : "s");
    gen_set(g, "wh", queue ? "first" : "last");
    gen_set(g, "ix", queue ? "0" : "");
    gen_num(g, "na", a);
    gen_num(g, "nb", b);
    gen_num(g, "nr", queue ? a : b);
    gen_code(g,
             "class $cn:\n    \"\"\"A list from which the $wh item comes out first.\n\n    >>> $va = $cn()\n"
             "    >>> $va.push($na)\n    >>> $va.push($nb)\n    >>> $va.pop()\n    $nr\n    \"\"\"\n\n"
             "    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
             "        self.items.append(item)\n\n    def pop(self):\n        return self.items.pop($ix)\n");
}

static void rectangle(struct gen *g)
{
    int w = gen_range(g, 2, 30), h = gen_range(g, 2, 30);
    gen_num(g, "nw", w);
    gen_num(g, "nh", h);
    gen_num(g, "na", w * h);
    gen_num(g, "np", 2 * (w + h));
    gen_code(
        g,
        "class Rectangle:\n    \"\"\"A rectangle with a width and a height.\n\n    >>> r = Rectangle($nw, "
        "$nh)\n"
        "    >>> r.area()\n    $na\n    >>> r.perimeter()\n    $np\n    \"\"\"\n\n"
        "    def __init__(self, width, height):\n        self.width = width\n        self.height = height\n\n"
        "    def area(self):\n        return self.width * self.height\n\n"
        "    def perimeter(self):\n        return 2 * (self.width + self.height)\n");
}

static void account(struct gen *g)
{
    int start = gen_range(g, 10, 60), in = gen_range(g, 1, 40), out = gen_range(g, 1, 9);
    gen_num(g, "n0", start);
    gen_num(g, "ni", in);
    gen_num(g, "no", out);
    gen_num(g, "nr", start + in - out);
    gen_code(
        g,
        "class Account:\n    \"\"\"Money that is paid in and taken out.\n\n    >>> a = Account($n0)\n"
        "    >>> a.deposit($ni)\n    >>> a.withdraw($no)\n    >>> a.balance\n    $nr\n    \"\"\"\n\n"
        "    def __init__(self, balance):\n        self.balance = balance\n\n    def deposit(self, amount):\n"
        "        self.balance += amount\n\n    def withdraw(self, amount):\n        self.balance -= "
        "amount\n");
}

void code_python_class(struct gen *g)
{
    static void (*const classes[])(struct gen *) = {counter, stack, rectangle, account};
    if (gen_chance(g, 50))
        gen_code(g, "# Python\n");
    classes[gen_below(g, 4)](g);
}
