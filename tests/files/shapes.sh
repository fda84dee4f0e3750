#!/usr/bin/env bash
# Trains on tables of unusual shape and scores them. A cell that is new to a table must be found odd.
. "$ODDROW_SOURCE/tests/files/common.sh"

# Trains on FILE, scores it, and scores NEW, whose last row is odd. The last row must come first.
learn() { # NAME [OPTIONS]
    local name=$1
    shift
    say "$name"
    "$oddrow" train $name.csv -o $name.model "${quick[@]}" "$@"
    "$oddrow" score $name.model $name.csv -o $name.scores --quiet --explain 2
    is "$(lines $name.scores)" "$(lines $name.csv)" "$name: scores"
    awk -F, 'NR > 1 && ($(NF) ~ /nan|inf/ || $0 ~ /,-?nan|,-?inf/) { print; exit 1 }' $name.scores || fail "$name: not a number"
    if [ -f $name.new ]; then
        "$oddrow" score $name.model $name.new -o $name.top --quiet --top 1
        is "$(tail -n 1 $name.top | awk -F, '{ print $(NF - 3) }')" "$(($(lines $name.new) - 1))" "$name: oddest row"
    fi
}

awk 'BEGIN { print "only"; for (i = 0; i < 300; i++) print "v" i * i % 7 }' >category.csv
printf 'only\nv1\nv0\nnever\n' >category.new
learn category
awk 'BEGIN { srand(1); print "only"; for (i = 0; i < 300; i++) print rand() + rand() }' >number.csv
printf 'only\n1.0\n0.9\n50\n' >number.new
learn number
awk 'BEGIN { print "only"; for (i = 0; i < 300; i++) printf "2024-%02d-%02d\n", i % 12 + 1, i % 28 + 1 }' >time.csv
printf 'only\n2024-03-03\n2024-05-05\n1971-01-01\n' >time.new
learn time
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 400; i++) print "x" i % 3 ",y" i % 3 ",z" i % 5 }' >categories.csv
printf 'a,b,c\nx1,y1,z2\nx0,y0,z4\nnew,y7,\n' >categories.new
learn categories
awk 'BEGIN { srand(2); print "a,b,c"; for (i = 0; i < 400; i++) { x = rand(); print x "," 2 * x + rand() / 9 "," rand() } }' >numbers.csv
printf 'a,b,c\n0.5,1.05,0.5\n0.2,0.45,0.9\n0.1,90,-70\n' >numbers.new
learn numbers
awk 'BEGIN { print "same,varied,empty"; for (i = 0; i < 300; i++) print "s," i % 4 ",," }' | sed 's/,$//' >constants.csv
printf 'same,varied,empty\ns,1,\ns,2,\nother,2,full\n' >constants.new
learn constants
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 50; i++) print "5,x," }' >allconstant.csv
printf 'a,b,c\n5,x,\n5,x,\n6,x,\n' >allconstant.new
learn allconstant
printf 'a,b,c\n5,x,\n5,y,\n' >allconstant.new
"$oddrow" score allconstant.model allconstant.new -o t.csv --quiet
awk -F, 'NR == 2 { usual = $2 } NR == 3 && !($2 > usual) { exit 1 }' t.csv || fail "another constant is not odder"
awk 'BEGIN { print "a,b"; for (i = 0; i < 20; i++) print "," }' >empty.csv
learn empty
for rows in 1 2 3 20; do
    awk -v rows=$rows 'BEGIN { print "n,c"; for (i = 0; i < rows; i++) print i * 3 % 7 ",k" i % 2 }' >tiny$rows.csv
    learn tiny$rows
done
printf 'a,b\n1,x' >unended.csv
learn unended
awk 'BEGIN { srand(3)
    for (c = 1; c <= 2000; c++) printf "c%d%s", c, c < 2000 ? "," : "\n"
    for (r = 0; r < 40; r++) for (c = 1; c <= 2000; c++) printf "%s%s", c % 10 ? "0" : rand(), c < 2000 ? "," : "\n" }' >wide.csv
learn wide --widths 8
awk 'BEGIN { for (c = 1; c <= 2000; c++) printf "c%d%s", c, c < 2000 ? "," : "\n"
    for (r = 0; r < 30; r++) for (c = 1; c <= 2000; c++) printf "%s%s", c % 2 ? "t" (r * c) % 3 : r * c % 11 + 0.5, c < 2000 ? "," : "\n" }' >wider.csv
learn wider --widths 4
refuses 2 "too many columns" "$oddrow" score wider.model wider.csv -o none.csv --masked
awk 'BEGIN { for (c = 1; c <= 30000; c++) printf "c%d,", c; print "v"; for (r = 0; r < 30; r++) { for (c = 1; c <= 30000; c++) printf "0,"; print r } }' >nothing.csv
learn nothing
awk 'BEGIN { srand(5); print "name,v"; for (i = 0; i < 2000; i++) print "n" i "," rand() }' >names.csv
learn names --categorical name --max-vocab 100
awk 'BEGIN { print "a,b"; for (i = 0; i < 100; i++) print (i % 3 ? "1e139" : "-1e139") "," (i % 2 ? "1e-300" : "5e-324") }' >extremes.csv
learn extremes --numeric a,b
awk 'BEGIN { print "a,b"; for (i = 0; i < 100; i++) print i "," i }' >short.csv
refuses 1 "nothing to learn" "$oddrow" train short.csv -o none.model --id a,b
[ ! -e none.model ] || fail "a model of nothing"
