# oddest.awk: prints scores that were written with --explain K as a table for people. Plain awk.
#
# usage: awk -f pipelines/oddest.awk scores.csv

# Splits a CSV line into cell[1], cell[2], …; returns the number of cells.
function split_csv(line,    n, text, quoted, i, c) {
    n = 1
    text = ""
    quoted = 0
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"") {
            if (quoted && substr(line, i + 1, 1) == "\"") {
                text = text "\""
                i++
            } else
                quoted = !quoted
        } else if (c == "," && !quoted) {
            cell[n++] = text
            text = ""
        } else
            text = text c
    }
    cell[n] = text
    return n
}

function get(name) { return name in at ? cell[at[name]] : "" }

function shown(text) {
    if (text == "") return "(nothing)"
    return length(text) > 30 ? substr(text, 1, 29) "~" : text
}

NR == 1 {
    count = split_csv($0)
    for (i = 1; i <= count; i++)
        at[cell[i]] = i
    first = cell[1]
    next
}

{
    split_csv($0)
    printf "\n%3d. %-40s score %7.2f   p %.1e\n", NR - 1, cell[1], get("score"), get("p_value")
    for (k = 1; ("column_" k) in at; k++) {
        if (get("column_" k) == "")
            continue
        printf "       %-20s %-30s expected %-30s %6.2f nats  %s\n", get("column_" k), \
            shown(get("observed_" k)), shown(get("expected_" k)), get("surprise_" k), get("flag_" k)
    }
}
