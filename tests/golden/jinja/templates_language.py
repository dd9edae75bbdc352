# SPDX-License-Identifier: Apache-2.0
"""Templates that try the language: tokens, white space, statements, operators, printing."""

WHITE_SPACE = [
    "", "\n", "a\n", "a\n\n", "a\r\nb\rc\n", "a {{ i }} b", "a {{- i -}} b", "a\n{{- i -}}\nb",
    "  {% if t %}\n  x\n  {% endif %}\n  y", "a  {% if t %}  b  {% endif %}  c", "a\n  {%- if t %}\n b{% endif %}",
    "a\n  {%+ if t %}\n b{% endif %}", "{% if t +%}\nx{% endif %}", "{% if t -%}\n\n x{%- endif %}",
    "a\n  {# c #}\nb", "a {#- c -#} b", "{# a\n{{ b }} #}c", "a\n\t{# x #}\n\tb", "{% if t %}\n\n\nx{% endif %}",
    "  {{ i }}\n  {% set a = 1 %}\n  {{ a }}", "{%- for a in l -%} {{ a }} {%- endfor -%} end", "x{% set a = 1 %}\ny",
    "{% raw %}{{ x }} {% if %}{% endraw %}", "a {%- raw -%} {{ b }} {%- endraw -%} c", "{% raw %}\n a\n{% endraw %}\nb",
    "a\u00a0{{- i }}", "{{ i }}\n\n", "{{ '{{' }}", "{{ '%}' }}{% set a = '%}' %}{{ a }}", "{ {{ i }} }", "{%", "{{ i", "{# x",
    "{% if t %}a", "}} %} #}", "a{#b#}c{#-d#}e", "  {%- set a = 1 +%}  b", "{{-i-}} x", "{{ i -}}\n x", "  {#- x +#}\n y",
    "{% if t %}a\n    {% endif %}\n  b", "\n  {% if t %}x{% endif %}", "{% if t %}\n{% if t %}\nx{% endif %}{% endif %}",
]

LITERALS = [
    "{{ 'a' 'b' \"c\" }}", "{{ 'a\\n\\t\\'\\\\b' }}", "{{ '\\x41\\u00e9\\U0001f600\\101' }}", "{{ '\\d\\w' }}", "{{ '\u00e9\\\u00e9' }}",
    "{{ 'a\\\nb' }}", "{{ '\\x4' }}", "{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }}", "{{ 1.5 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 2E+2 }}",
    "{{ 1.0 }} {{ 100000000000000000.0 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 0.0001 }} {{ 0.00001 }}", "{{ 0.1 + 0.2 }} {{ 1/3 }} {{ 1e22 }} {{ 5e-324 }}",
    "{{ 1e400 }}", "{{ -0.0 }}", "{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}", "{{ [1, 2,] }} {{ (1,) }} {{ () }} {{ (1, 2) }} {{ {} }} {{ [] }}",
    "{{ {'a': 1, 'b': [2.0, none], 3: true} }}", "{{ {'a': 1, 'a': 2} }}", "{{ 1, 2 }}", "{{ {1: 'a', 1.0: 'b', true: 'c'} }}", "{{ {[1]: 2} }}",
    "{{ ['a', \"it's\", 'q\"', q, z] }}", "{{ ['\\n\\t\\\\\\x00\\x7f\u00e9\u200b\\xa0\U0001f600'] }}", "{{ x }} {{ d }}", "{{ nope }}|{{ [nope] }}|{{ nope is defined }}",
    "{{ }}", "{{ 1 2 }}", "{{ 'a }}", "{{ [1 }}", "{{ a. }}", "{{ 9223372036854775807 }}", "{{ (1) }} {{ ((1)) }}", "{{ 1 if }}", "{{ $ }}", "{{ 007 }}",
]

OPERATORS = [
    "{{ 1 + 2 * 3 - 4 }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}", "{{ 7 / 2 }} {{ 4 / 2 }}", "{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }}",
    "{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2.0 ** 0.5 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ 1.0 // 0 }}", "{{ 0 ** -1 }}", "{{ -i }} {{ +n }} {{ - - i }} {{ -t }}",
    "{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }}", "{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ [1] + (2,) }}", "{{ none + 1 }}", "{{ nope + 1 }}", "{{ 'ab' * 3 }} {{ 2 * [1, 2] }} {{ 'a' * -1 }}|{{ 'a' * 0 }}",
    "{{ 'a' ~ 1 ~ none ~ 2.0 ~ nope ~ [1] }}", "{{ 1 ~ 2 + 3 }}", "{{ 'a' ~ 'b' * 2 }}", "{{ true + true }}", "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ '1' == 1 }}",
    "{{ 1 != 2 }} {{ 'a' < 'b' }} {{ 'a' >= 'B' }} {{ [1, 2] < [1, 3] }} {{ (1,) == [1] }} {{ [1] == [1.0] }}", "{{ 'a' < 1 }}", "{{ none < 1 }}", "{{ {} < {} }}", "{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}",
    "{{ 1 in l }} {{ 9 in l }} {{ 9 not in l }} {{ 'a' in d }} {{ 'll' in s }} {{ '' in e }} {{ not 1 in l }}", "{{ 1 in s }}", "{{ 1 in 5 }}", "{{ 'a' in nope }}", "{{ nope in l }}", "{{ none in x }} {{ [4] in x }}",
    "{{ [1] in d }}", "{{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 2 }} {{ '' or none }} {{ not '' }} {{ not not 1 }}", "{{ t and o or 'x' }}", "{{ nope or 'd' }} {{ nope and 1 }}|", "{{ 1 if t else 2 }} {{ 1 if o else 2 }} {{ 1 if o }}|",
    "{{ 'a' if o else 'b' if o else 'c' }}", "{{ (1 if o) is defined }}", "{{ 1 if t if t }}", "{{ 2 > 1 and 1 > 0 }}", "{{ not 1 == 2 }}", "{{ i is defined and i > 5 }}", "{{ 9007199254740993 == 9007199254740992.0 }}",
    "{{ 3 in range(5) }} {{ range(3) }} {{ range(1, 7, 2)|list }} {{ range(5, 0, -2)|list }}", "{{ range(0) | list }}", "{{ range(1, 2, 0) }}", "{{ range(100001) }}", "{{ range('a') }}", "{{ 1 - - 1 }}", "{{ 'a' - 'b' }}",
    "{{ 1 == none }} {{ none == none }} {{ nope == nope }} {{ nope == none }}", "{{ 0.1 + 0.2 == 0.3 }} {{ 1e308 * 10 }} {{ -(1e308 * 10) }}", "{{ [1, [2]] == [1, [2]] }} {{ [1] != [1] }}", "{{ (1 < 2) == true }}",
    "{{ '%s is %d' % ('a', 3) }}", "{{ '%5.2f|%-5s|%05d' % (3.14159, 'ab', 42) }}", "{{ '%s' % 'x' }}", "{{ '%(a)s' % d }}", "{{ '%d' % 'x' }}", "{{ '%s' % (1, 2) }}", "{{ '100%%' % () }}", "{{ '%x %X %o %e %g %r' % (255, 255, 8, 12345.678, 0.0001, 'q') }}",
    "{{ '%+d % d %#x' % (5, 5, 255) }}", "{{ '%c%c' % (65, 'b') }}", "{{ '%.3s|%10.3s' % ('abcdef', 'abcdef') }}", "{{ '%i' % 3.99 }}", "{{ '%s %s' % ('a',) }}",
]

ACCESS = [
    "{{ d.a }} {{ d['a'] }} {{ d['b'][1] }} {{ d.b.0 }} {{ d['c d'] }}", "{{ d.nope }}|{{ d['nope'] }}|{{ d.nope is defined }}", "{{ d.nope.x }}", "{{ nope.x }}", "{{ nope['x'] }}", "{{ none.x }}|", "{{ none['x'] }}|",
    "{{ l[0] }} {{ l[-1] }} {{ l[9] }}|{{ l[-9] }}|", "{{ l['a'] }}|{{ l.a }}|", "{{ s[0] }} {{ s[-1] }} {{ u[2] }} {{ u[-1] }} {{ s[99] }}|", "{{ l[true] }}", "{{ l[1.0] }}|", "{{ d[[1]] }}|", "{{ i.x }}|{{ i[0] }}|",
    "{{ l[1:] }} {{ l[:1] }} {{ l[::-1] }} {{ l[::2] }} {{ l[-2:] }} {{ l[5:] }} {{ l[:] }}", "{{ s[1:4] }} {{ s[::-1] }} {{ s[:-1] }} {{ u[5:] }} {{ u[::-1] }} {{ s[7:2] }}|", "{{ l[2:0:-1] }} {{ (1, 2, 3)[1:] }} {{ range(9)[2:5]|list }}", "{{ l[::0] }}",
    "{{ d[1:] }}", "{{ o[1:] }}", "{{ nope[1:] }}", "{{ l['a':] }}", "{{ l[none:2] }}", "{{ d.items is string }} {{ d['items'] }}", "{{ d.items() | list }}", "{{ d.keys() | list }} {{ d.values() | list }} {{ d.keys() }} {{ d.items() }} {{ d.values() }}",
    "{{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 5) }}", "{{ l.append(1) }}", "{{ d.update({}) }}", "{{ d.pop('a') }}", "{{ l.append }}|", "{{ d.clear is defined }}", "{{ s.__class__ }}|", "{{ s.__class__.__mro__ }}", "{{ ''['__class__'] }}|",
    "{{ l.index(1) }} {{ l.count(1) }} {{ (1, 1).count(1) }} {{ l.copy() }} {{ d.copy().a }}", "{{ l.index(99) }}", "{{ p[0].s.q }} {{ p[2].s }}|", "{{ p[2].s.q }}", "{{ x[6].k }} {{ x[5][0] }}", "{{ w.is_integer() }} {{ f.is_integer() }}", "{{ 'abc'.upper() }}",
    "{{ s() }}", "{{ d.a() }}", "{{ nope() }}", "{{ d['get']('a') }}", "{% set g = s.upper %}{{ g() }}", "{{ l[0:2][1] }}", "{{ d.items()|length }} {{ d|length }}", "{{ d.keys()[0] }}|", "{{ 'a' in d.keys() }}", "{{ l[99999999999] }}|", "{{ s[-99] }}|", "{{ l[-99:99] }}",
]

STATEMENTS = [
    "{% if i > 5 %}a{% elif i > 3 %}b{% else %}c{% endif %}", "{% if o %}a{% elif t %}b{% endif %}", "{% if nope %}a{% else %}b{% endif %}", "{% if e %}1{% endif %}{% if l %}2{% endif %}{% if {} %}3{% endif %}{% if 0.0 %}4{% endif %}",
    "{% for a in l %}{{ a }}{% endfor %}", "{% for a in [] %}x{% else %}none{% endfor %}", "{% for a in l if a > 1 %}{{ loop.index }}{{ a }}{{ loop.last }} {% else %}z{% endfor %}", "{% for a in l if a > 9 %}x{% else %}z{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }} {% endfor %}", "{% for c in u %}[{{ c }}]{% endfor %}", "{% for a in none %}{% endfor %}", "{% for a in 5 %}{% endfor %}", "{% for a in nope %}x{% else %}y{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for a in l %}{{ loop.previtem }}<{{ a }}>{{ loop.nextitem }} {% endfor %}", "{% for a in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}", "{% for a in l %}{{ loop.cycle('x', 'y') }}{% endfor %}", "{% for a in [1, 1, 2] %}{{ loop.changed(a) }} {% endfor %}", "{% for a in l %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    "{% for a in l %}{% if a == 1 %}{% continue %}{% endif %}{{ a }}{% endfor %}", "{% for a in l %}{% if a == 1 %}{% break %}{% endif %}{{ a }}{% endfor %}", "{% for a in l %}{% for b in m %}{{ loop.index }}{% if b == 'A' %}{% break %}{% endif %}{% endfor %}{{ loop.index }};{% endfor %}", "{% break %}",
    "{% for a in [1] %}{% set y = 1 %}{% endfor %}{{ y }}|", "{% set y = 1 %}{% for a in l %}{{ y }}{% set y = y + a %}{{ y }} {% endfor %}{{ y }}", "{% if t %}{% set y = 2 %}{% endif %}{{ y }}", "{% set ns = namespace(a=1) %}{% for b in l %}{% set ns.a = ns.a + b %}{% endfor %}{{ ns.a }}",
    "{% set ns = namespace() %}{% set ns.x = [1] %}{{ ns.x }}{{ ns.y }}|", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}", "{% set d.a = 1 %}", "{% set nope.a = 1 %}", "{% set ns = namespace(_a=1) %}", "{% set ns = namespace() %}{% set ns._a = 1 %}", "{% set ns = namespace(a=1) %}{{ ns.a.b }}|{{ ns['a'] }}|",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set a %}x{{ i }}{% endset %}[{{ a }}]", "{% set a | upper %}x{{ 'y' }}{% endset %}{{ a }}", "{% set a | trim | length %} xy {% endset %}{{ a }}", "{% set true = 1 %}", "{% set 1 = 1 %}", "{% set a %}{% set b = 1 %}{% endset %}{{ b }}|",
    "{% macro m1(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m1(1) }} {{ m1(1, c=3) }} {{ m1(a=5, b=6) }} {{ m1() }}", "{% macro m1(a) %}{{ a }}{% endmacro %}{{ m1(1, 2) }}", "{% macro m1(a) %}{{ a }}{% endmacro %}{{ m1(b=2) }}", "{% macro m1(a) %}{{ a }}{% endmacro %}{{ m1(1, a=2) }}",
    "{% macro m1(a, b=a) %}{{ b }}{% endmacro %}{{ m1(3) }}", "{% macro m1() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m1(1, 2, z=3) }}", "{% macro m1(n) %}{{ n }}{% if n > 0 %}{{ m1(n - 1) }}{% endif %}{% endmacro %}{{ m1(3) }}", "{% macro m1() %}{{ y }}{% endmacro %}{% set y = 4 %}{{ m1() }}",
    "{% macro m1() %}{% set y = 9 %}{{ y }}{% endmacro %}{{ m1() }}{{ y }}|", "{% for a in l %}{% macro m1() %}{{ a }}{% endmacro %}{{ m1() }}{% endfor %}", "{% macro m1() %}{{ a }}{% endmacro %}{% for a in l %}{{ m1() }}|{% endfor %}", "{% macro m1() %} x {% endmacro %}[{{ m1() | trim }}]{{ m1() ~ 'y' }}",
    "{% macro m1(x) %}<{{ caller() }}>{{ x }}{% endmacro %}{% call m1(1) %}in{% endcall %}", "{% macro m1() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=5) m1() %}{{ a }}{{ b }}{% endcall %}", "{% macro m1() %}x{% endmacro %}{% call m1() %}{% endcall %}", "{% macro m1() %}{{ caller() }}{% endmacro %}{{ m1() }}",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}banana{% endfilter %}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|", "{% with %}{% set q2 = 1 %}{% endwith %}{{ q2 }}|", "{% generation %}x{% set y = 1 %}{{ i }}{% endgeneration %}{{ y }}|", "{% print i, 2 %}",
    "{% for a in l %}{{ a }}{% endfor", "{% endif %}", "{% if t %}{% endfor %}", "{% nope %}", "{% for a b in l %}{% endfor %}", "{% for in l %}{% endfor %}", "{% if %}{% endif %}", "{% set %}", "{% macro %}{% endmacro %}", "{% macro m1(a=1, b) %}{% endmacro %}", "{% else %}",
    "{{ x | nope }}", "{% if o %}{{ x | nope }}{% endif %}a", "{% if t %}{{ x | nope }}{% endif %}a", "{% if o %}{% for a in l %}{{ a | nope }}{% endfor %}{% endif %}", "{{ 1 if t else (2 | nope) }}", "{{ x is nope }}", "{{ 1 if o else x is nope }}", "{% for a in [] %}{{ a | nope }}{% endfor %}",
    "{{ raise_exception('no') }}", "{% if o %}{{ raise_exception('no') }}{% endif %}ok", "{{ strftime_now('%d %b %Y %H:%M:%S %%') }}", "{{ strftime_now('%Y-%m-%d %A %B %j %p %I %y %a') }}", "{{ strftime_now('%-d/%-m') }}", "{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b{{ j() }}", "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
    "{{ dict(a=1, b=2) }} {{ dict([('a', 1)]) }} {{ dict({'a': 1}, c=3) }}", "{{ dict(1) }}", "{{ range is callable }} {{ i is callable }}", "{% for a in range(3) %}{{ a }}{% endfor %}", "{{ loop }}|{% for a in l %}{{ loop is defined }}{% endfor %}",
    "{% set ns = namespace(go=true) %}{% for a in l if ns.go %}{{ a }}{% set ns.go = false %}{% endfor %}", "{% for a in l %}{% set outer = loop %}{% for b in m %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}", "{% set a = [1, 2] %}{% set a = a + [3] %}{{ a }}", "{% for m in m %}{{ m }}{% endfor %}{{ m | length }}",
    "{{ f(*l) }}", "{{ range(*[1, 4])|list }} {{ dict(**{'a': 1}) }}", "{{ range(**{'a': 1}) }}", "{{ range(1, start=2) }}", "{% macro m1(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m1(*[1], b=2) }} {{ m1(*[1, 2]) }} {{ m1(**{'a': 3, 'b': 4}) }}", "{% set loop = 1 %}{{ loop }}",
    "{% for x in [1,2] %}{% for x in [3] %}{{ x }}{% endfor %}{{ x }}{% endfor %}", "{% if t: %}a{% endif %}", "{% set a = 1 if o else 2 %}{{ a }}", "{% for a in l if a is odd else [] %}{{ a }}{% endfor %}", "{% for a in (l if o else m) %}{{ a }}{% endfor %}",
]

LANGUAGE = WHITE_SPACE + LITERALS + OPERATORS + ACCESS + STATEMENTS
