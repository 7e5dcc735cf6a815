/* What others wrote, in each format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/escape.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD. */

static void each_is_harmless(void **state)
{
    static const struct {
        void (*escape)(struct text *out, const char *string);
        const char *from, *to;
    } rows[] = {
        {escape_plain, "pod-1 \xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82",
         "pod-1 \xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82"},
        {escape_plain, "a\x1b[31m\x7f\nb\tc\rd", "a" BAD "[31m" BAD " b c d"},
        {escape_plain,
         "\xc2\x9b"
         "31m",
         BAD "31m"},                                         /* CSI in one character. */
        {escape_plain, "\xff\xc3", BAD BAD},                 /* No first byte; cut. */
        {escape_plain, "\xc0\xaf", BAD BAD},                 /* "/", overlong. */
        {escape_plain, "\xe0\x80\xaf", BAD BAD BAD},         /* The same in three. */
        {escape_plain, "\xed\xa0\x80", BAD BAD BAD},         /* Half of a pair. */
        {escape_plain, "\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* Over U+10FFFF. */
        {escape_plain, "\xef\xbf\xbe", BAD BAD BAD},         /* No character, nor XML's. */
        {escape_plain,
         "x\xe2\x80\xae"
         "gnp.exe",
         "x" BAD "gnp.exe"},                     /* Right to left. */
        {escape_plain, "x\xe2\x80\xa8y", "x y"}, /* A line's end. */
        {escape_lines, "a\nb\x1b", "a\nb" BAD},
        {escape_utf8,
         "a\x1b\xff"
         "b\xef\xbf\xbd\xc3\xa4\xc3",
         "a\x1b" BAD "b" BAD "\xc3\xa4" BAD},
        {escape_xml, "<a href=\"x\" b='y'>&\x01\n",
         "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;" BAD " "},
        {escape_xml_lines, "]]>\n\x1b", "]]&gt;\n" BAD},
        {escape_csv, "pod-1", "pod-1"},
        {escape_csv, "a,b", "\"a,b\""},
        {escape_csv, "a\"b", "\"a\"\"b\""},
        {escape_csv, "a\nb", "\"a b\""},
        {escape_csv, "=1+1", "\"'=1+1\""},
        {escape_csv, "+1", "\"'+1\""},
        {escape_csv, "-1", "\"'-1\""},
        {escape_csv, "@SUM(A1)", "\"'@SUM(A1)\""},
        {escape_csv, "\t =1", "\"'  =1\""},
        {escape_csv, "", ""},
        {escape_markdown, "pod-1 @all <b> #7 _x_", "`pod-1 @all <b> #7 _x_`"},
        {escape_markdown, "a|b", "<code>a&#124;b</code>"},
        {escape_markdown, "`<x>\\|", "<code>&#96;&#60;x&#62;&#92;&#124;</code>"},
        {escape_markdown, "", "<code></code>"},
        {escape_markdown_words, "5.5 .. 17 (of 20)", "5.5 .. 17 (of 20)"},
        {escape_markdown_words, "@all <b>*x* a|b", "&#64;all &#60;b&#62;&#42;x&#42; a&#124;b"},
        {escape_markdown, "a\n\nb", "`a  b`"},
        {escape_label, "a\"b\\c\nd", "a\\\"b\\\\c d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text out = {0};
        rows[i].escape(&out, rows[i].from);
        assert_string_equal(text_str(&out), rows[i].to);
        text_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
