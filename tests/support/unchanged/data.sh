# shellcheck shell=bash
# The data of unchanged.sh, made once per commit: made-up tables, a checkpoint and a journal that the
# commit left in the middle of its work, and the shared data sets where they are. unchanged.sh sources
# this file: $base is where data/ goes, $baseline the commit's program, $shared the data sets.

# GROUP: prints what a group needs and the data lack; fails when nothing is missing
missing_data() {
    local file=
    case $1 in
    adult* | activations | spilled) file=adult.csv ;;
    resume) file=checkpoint/checkpoint.safetensors ;;
    nsl | shuttle | bank) file=$1.csv ;;
    packages | committed) file=pipelines/packages.csv ;;
    esac
    [ -n "$file" ] && [ ! -f "$base/data/$file" ] && echo "$file"
}

make_data() {
    local d=$base/data.new from=$base/tree
    rm -rf "$d"
    mkdir -p "$d/pipelines" "$d/forms"
    say "making data"
    make_pipelines
    make_shared
    (cd "$d" && make_tables)
    (cd "$d/forms" && make_forms)
    mkdir "$d/scratch"
    [ ! -f "$d/adult.csv" ] || (cd "$d/scratch" && leave_checkpoint)
    (cd "$d/scratch" && leave_journal)
    rm -rf "$d/scratch"
    mv "$d" "$base/data"
}

make_pipelines() {
    local awk=$from/pipelines
    awk -v odd=0 -v seed=1 -v rows=10000 -f "$awk/orders.awk" >"$d/pipelines/orders.csv"
    awk -v odd=0.02 -v seed=2 -v rows=5000 -f "$awk/orders.awk" >"$d/pipelines/orders.new.csv"
    awk -v odd=0 -v seed=1 -v rows=10000 -f "$awk/flows.awk" >"$d/pipelines/flows.csv"
    awk -v odd=0.02 -v seed=2 -v rows=5000 -f "$awk/flows.awk" >"$d/pipelines/flows.new.csv"
    if command -v apt-cache >/dev/null && [ "$(apt-cache dumpavail | grep -c '^Package:')" -ge 1000 ]; then
        apt-cache dumpavail | LC_ALL=C awk -f "$awk/packages.awk" |
            awk 'NR == 1 || NR % 10 == 0' >"$d/pipelines/packages.csv"
    fi
    cp "$from/models/debian-packages.safetensors" "$d/debian-packages.model"
}

# Adult, and three dumps with their labels as the column odd: mixed, numeric, categorical.
make_shared() {
    if [ -f "$shared/data/adult.csv" ]; then
        cat "$shared/data/adult.csv" >"$d/adult.csv"
        gzip -nk "$d/adult.csv"
        head -n 5001 "$d/adult.csv" >"$d/adult.5k.csv"
    fi
    local pair name dump
    for pair in nsl=nsl-kdd shuttle=adb-shuttle bank=bank; do
        name=${pair%=*} dump=$shared/data/dumps/${pair#*=}
        [ -f "$dump/test.csv" ] || continue
        { echo odd && cat "$dump/test.labels"; } | paste -d, "$dump/test.csv" - >"$d/$name.csv"
        awk 'NR == 1 || NR % 5 == 0' "$d/$name.csv" >"$d/$name.5k.csv"
    done
}

# Dates, epochs, missing cells, constants, quotes, many categories. `bad`: with odd rows, unseen values
# and records that are no rows; `drift`: other values than before.
mixed() { # VARIABLE=VALUE...
    local assignments=() assignment
    for assignment in "$@"; do assignments+=(-v "$assignment"); done
    awk "${assignments[@]}" '
        function random() { state = state * 16807 % 2147483647; return state / 2147483647 }
        function pick(n) { return int(n * random()) }
        function show(line) { if (separator) gsub(/,/, separator, line); print line }
        BEGIN {
            state = seed * 7919
            for (i = 0; i < 10; i++) random()
            show("number,day,epoch,constant,nothing,shop,code,small,large,flag,text,odd")
            for (i = 1; i <= rows; i++) {
                odd = random() < (bad ? 0.05 : 0)
                s = int(60 * random() * random())
                shop = s == 5 ? "\"Café \"\"Zur Post\"\"\"" : s == 6 ? "\"a, b\"" : "shop" s
                if (odd && pick(2)) shop = "unseen" pick(9)
                if (drift) { s = int(12 * random()); if (pick(4) == 0) shop = "new" pick(5) }
                if (random() < 0.04) shop = ""
                small = sprintf("%.3f", odd ? 40 + pick(60) : s / 3 + random())
                if (random() < 0.1) small = pick(2) ? "" : "NA"
                large = exp(10 * random()) * (odd ? 1e6 : 1)
                day = sprintf("2024-%02d-%02dT%02d:%02d:00Z", 1 + pick(12), 1 + pick(28),
                              odd ? 3 : 8 + pick(10), pick(60))
                epoch = 1700000000 + i * 600 + pick(500)
                flag = random() < 0.3 ? "" : pick(2) ? "yes" : "no"
                show(sprintf("%d,%s,%d,same,,%s,%d,%s,%.6g,%s,note %d %s,%d", i, day, epoch, shop,
                             10 * pick(12) + s % 7, small, large, flag, pick(3),
                             s < 20 ? "low" : "high", odd))
                if (bad && i % 400 == 0) print "too,few,cells"
                if (bad && i % 700 == 0) print i ",not a date,x,same,,shop1,1,many,more,yes,note,0"
            }
        }'
}

make_tables() {
    mixed rows=6000 seed=1 >mixed.csv
    mixed rows=1500 seed=2 bad=1 >mixed.new.csv
    mixed rows=12000 seed=3 drift=1 >drifted.csv
    printf '4 3\nshop0 0.5 -0.25 1\nshop1 1 0 0.125\nshop2 -1 2 0.5\nshop7 0 0 1\n' >shop.vectors.txt
    awk 'BEGIN {
        for (j = 1; j <= 1060; j++) printf "x%d,", j
        print "kind"
        for (i = 1; i <= 400; i++) {
            for (j = 1; j <= 1060; j++) printf "%d.%d,", i * j % 97, i * i * j % 89
            print "k" i * i % 11
        }
    }' >wide.csv
    # more rows than the kinds are inferred from: a constant, one that is none at the end, and two kinds
    awk 'BEGIN {
        print "same,late,empty,number,kind"
        for (i = 1; i <= 30000; i++)
            print "x," (i < 29000 ? "y" : "y" i % 3) "," (i < 29500 ? "" : "z") "," i * i % 1009 ",k" i % 7
    }' >long.csv
}

# Forms of a file: delimiters, line ends, marks, compression, odd bytes, odd numbers, odd names.
make_forms() {
    mixed rows=900 seed=5 >plain.csv
    mixed rows=900 seed=5 separator='\t' >tab.tsv
    mixed rows=900 seed=5 separator=';' >semicolon.csv
    sed 's/$/\r/' plain.csv >crlf.csv
    { printf '\357\273\277' && cat plain.csv; } >bom.csv
    sed 's/note 1 low/"note 1\nlow"/' plain.csv >newline.csv
    iconv -f UTF-8 -t ISO-8859-1 plain.csv >latin1.csv
    awk -F, -v OFS=, 'NF == 12 { $1 = $12 OFS $3 OFS $1; $3 = $12 = "more"; print }' plain.csv |
        sed '1s/more/third/; 1s/more/twelfth/' >shuffled.csv
    head -n 400 plain.csv >part1.csv
    { head -n 1 plain.csv && tail -n +401 plain.csv; } >part2.csv
    gzip -nk part2.csv
    gzip -nc plain.csv >packed.csv.gz
    zstd -q plain.csv -o packed.csv.zst
    awk 'BEGIN {
        print "n,m,kind"
        n = split("1e-30 1e30 0.1234567890123456789012345 -0 +5 1e-320 .5 5. 1e5 12345678901234567890 " \
            "NaN inf null 9007199254740993 abc 1_000", hard, " ")
        for (i = 1; i <= 400; i++)
            print (i % 7 ? i / 3 : hard[1 + int(i / 7) % n]) "," i * i % 97 "e" i % 30 - 15 ",k" i % 3
    }' >numbers.csv
    awk 'BEGIN {
        print "\"a, b\",\"q\"\"q\",café,[x],<t>&,\"line\nend\""
        for (i = 1; i <= 300; i++)
            print i % 11 ",t" i % 5 "," i % 7 ",\"<b>&" i % 4 "\",\\" i % 3 "," (i % 13 ? "é" : "\001")
    }' >names.csv
    awk -F, -v OFS=, 'BEGIN { n = split("\" x\"|\"x \"|\"a,b\"|a;b|\"q\"\"q\"|\"\"|\"l\nl\"|é|+1|x", id, "|") }
        NR > 1 { $1 = id[1 + NR % n] } { print }' plain.csv >ids.csv
    awk 'BEGIN {
        print "when,then,kind"
        n = split("Z|+02:00|-0530|+07||.25Z|.123456+01:00", zone, "|")
        for (i = 1; i <= 400; i++) {
            day = sprintf("%d-%02d-%02d", 1960 + i % 80, 1 + i % 12, 1 + i * i % 28)
            time = sprintf("%02d:%02d:%02d", i * 7 % 24, i * 11 % 60, i * i % 60)
            then = i % 5 ? day : day " " substr(time, 1, 5)
            print day (i % 9 ? "T" : " ") time zone[1 + i % n] "," then ",k" i % 3
        }
    }' >times.csv
    head -n 1 plain.csv >empty.csv
    awk 'BEGIN { print "a,b"; for (i = 0; i < 50; i++) print "x,1" }' >constant.csv
    printf 'a,b\nx,1\ny,1\n,2\n' >constant2.csv
    printf 'a,a\n1,2\n2,3\n' >twice.csv
}

# A training that is killed when its first checkpoint is there.
leave_checkpoint() {
    local left=../checkpoint/checkpoint.safetensors child
    mkdir data
    ln -s ../../adult.csv data/adult.csv
    "$baseline" train data/adult.csv -o x.model "${resumed[@]}" --checkpoint ../checkpoint &
    child=$!
    until [ -f $left ] || ! kill -0 $child 2>/dev/null; do sleep 0.02; done
    kill -KILL $child 2>/dev/null || say "the training to resume ended before it was killed"
    wait $child 2>/dev/null || true
}

# The journal of a worker that was stopped after 700 rows.
leave_journal() {
    local oddrow=$baseline rows feed replay http worker
    ln -s .. given
    "$oddrow" train given/mixed.csv -o m.model --label odd --id number --alerts 0.02 --quiet --epochs 3 \
        --min-steps 150 --seed 11
    serve journal.db --publish all
    head -n 701 given/mixed.new.csv >first.csv
    "$oddrow" send "$rows" first.csv --client c-old --quiet
    end_worker
    mv journal.db ..
}
