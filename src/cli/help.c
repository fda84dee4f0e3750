/* cli/help.c: help that prints the live defaults. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "pipeline/value.h"

enum { COLUMN = 28, RIGHT = 96 };

void odd_help(void)
{
    puts("oddrow learns what normal rows of a table look like, then says how odd each new row is\n"
         "and which cells make it so.\n");
    for (const odd_command *const *c = odd_commands; *c; c++)
        printf("%s oddrow %s\n", c == odd_commands ? "usage:" : "      ", (*c)->usage);
    puts("\nCommands:");
    for (const odd_command *const *c = odd_commands; *c; c++)
        printf("  %-10s %s\n", (*c)->name, (*c)->summary);
    puts(
        "\n"
        "A first run:\n"
        "  oddrow columns orders.csv                        what oddrow would make of the columns\n"
        "  oddrow train orders.csv -o orders.model          learn what is normal\n"
        "  oddrow score orders.model new.csv -o scores.csv --explain 3\n"
        "\n"
        "'oddrow COMMAND --help' lists every option with its default. --version prints the "
        "version.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but rows were rejected (--strict).");
}

/* Writes words from `text` in the columns COLUMN … RIGHT; the cursor stands at `at`. */
static void wrap(const char *text, size_t at)
{
    printf("%*s", (int)(at < COLUMN ? COLUMN - at : 0), "");
    at = at < COLUMN ? COLUMN : at;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (at > COLUMN && at + word > RIGHT) {
            printf("\n%*s", COLUMN, "");
            at = COLUMN;
        }
        printf("%.*s", (int)word, text);
        at += word;
        text += word;
        if (*text == ' ') {
            text++;
            if (at + 1 + strcspn(text, " ") <= RIGHT) {
                putchar(' ');
                at++;
            } else {
                printf("\n%*s", COLUMN, "");
                at = COLUMN;
            }
        }
    }
    putchar('\n');
}

/* What stands behind the key: its choices, or what the value is called. */
static void print_value(const odd_option *o, char *text, size_t size)
{
    size_t at = 0;
    if (o->type == ODD_OPTION_CHOICE) {
        for (int i = 0; strcmp(o->choice(i), "?") != 0 && at < size; i++)
            at += (size_t)snprintf(text + at, size - at, "%s%s", at ? "|" : " ", o->choice(i));
    } else {
        snprintf(text, size, "%s%s", o->value ? " " : "", o->value ? o->value : "");
    }
}

static void print_option(const odd_options *defaults, const odd_option *o)
{
    char value[160], standard[160], text[600];
    print_value(o, value, sizeof(value));
    odd_options_print(defaults, o, standard, sizeof(standard));
    if (o->unset)
        snprintf(standard, sizeof(standard), "%s", o->unset);
    if (o->type == ODD_OPTION_SWITCH || standard[0] == '\0')
        snprintf(text, sizeof(text), "%s", o->help);
    else
        snprintf(text, sizeof(text), "%s [%s]", o->help, standard);
    size_t at = (size_t)printf("  --%s%s", o->key, value);
    if (at >= COLUMN - 1) {
        putchar('\n');
        at = 0;
    }
    wrap(text, at);
}

void odd_command_help(const odd_command *command)
{
    odd_options defaults;
    odd_options_init(&defaults);
    printf("usage: oddrow %s\n\n%s\n\nExamples:\n%s\n", command->usage, command->about,
           command->examples);

    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    const char *section = "";
    for (size_t i = 0; i < count; i++) {
        if (!(table[i].commands & command->bit))
            continue;
        if (strcmp(section, table[i].section) != 0) {
            section = table[i].section;
            printf("\nOptions, %s:\n", section);
        }
        print_option(&defaults, &table[i]);
    }
    puts("\nOther:");
    if (!(command->bit & ODD_NO_PIPELINE))
        wrap("a YAML file of options in the sections above; a flag wins over the file",
             (size_t)printf("  --pipeline FILE.yaml"));
    wrap("this text", (size_t)printf("  -h, --help"));
}
