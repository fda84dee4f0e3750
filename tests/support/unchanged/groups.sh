# shellcheck shell=bash
# What unchanged.sh runs: each function group_NAME runs in an empty directory that has data/ and
# pipelines/. $oddrow is the program, `few` the options of a short training.

# NAME ARGUMENT...: runs the program. `expect` is the exit code that COMMIT has to give.
run() {
    local name=$1 code=0
    shift
    "$oddrow" "$@" >"$name.out" 2>"$name.err" </dev/null || code=$?
    [ -s "$name.out" ] || rm -f "$name.out"
    echo "$name $code" >>exits
    [ "$code" -eq "${expect:-0}" ] ||
        echo "$name: exit code $code, not ${expect:-0}: $(head -c 300 "$name.err")" >>unexpected
}
train() { # MODEL ARGUMENT...
    local model=$1
    shift
    run "$model.train" train -o "$model.model" --quiet --seed 11 ${few[@]+"${few[@]}"} "$@"
}
short() { # MODEL ARGUMENT...
    local model=$1
    shift
    run "$model.train" train -o "$model.model" --quiet --epochs 2 --min-steps 20 "$@"
}

# ---- everything that a model can be asked for

score_all() { # MODEL DATA
    local m=$1 data=$2 kind
    head -n 401 "$data" >sub.csv
    run "$m.score" score "$m.model" "$data" -o "$m.scores.csv" --rejects "$m.rejects.csv"
    run "$m.explain" score "$m.model" "$data" -o "$m.explain.csv" --explain 3 --threads 3
    run "$m.masked" score "$m.model" sub.csv -o "$m.masked.csv" --masked --explain 3
    run "$m.jsonl" score "$m.model" "$data" -o "$m.jsonl" --format jsonl --explain 3
    run "$m.top" score "$m.model" "$data" -o "$m.top.csv" --top 25 --explain 2 --alerts 0.01
    run "$m.onlyodd" score "$m.model" "$data" -o - --only-odd --alerts 0.02 --explain 1
    for kind in loss rarity reconstruction; do
        run "$m.$kind" score "$m.model" "$data" -o "$m.$kind.csv" --score $kind --explain 2
    done
    run "$m.inspect" inspect "$m.model" --json
}
encode_all() { # MODEL DATA
    local m=$1 data=$2 what form
    for what in input code hidden; do
        for form in csv npy; do
            run "$m.$what.$form" encode "$m.model" "$data" -o "$m.$what.$form" --what $what
        done
    done
    run "$m.similar" similar "$m.model" "$data" --row 17 -k 8 --json
    run "$m.similar.text" similar "$m.model" "$data" --row 3
}
embeddings_all() { # MODEL COLUMN VALUE
    local m=$1 column=$2 value=$3 form
    run "$m.list" embeddings list "$m.model" --json
    run "$m.list.text" embeddings list "$m.model"
    for form in npy csv word2vec projector safetensors; do
        run "$m.tables.$form" embeddings export "$m.model" -o "$m.tables.$form" --format $form --with-counts
        run "$m.table.$form" embeddings export "$m.model" "$column" -o "$m.table.$form" --format $form
    done
    for form in cosine euclidean; do
        run "$m.near.$form" embeddings near "$m.model" "$column" "$value" -k 7 --json --metric $form
    done
    run "$m.near.text" embeddings near "$m.model" "$column" "$value"
    run "$m.near.npy" embeddings near "$m.table.npy" "$value"
    run "$m.plot.svg" embeddings plot "$m.model" "$column" -o "$m.svg"
    run "$m.plot.html" embeddings plot "$m.model" --all -o "$m.html" --method tsne --seed 5
}

# ---- pipelines

group_orders() { pipeline orders orders && embeddings_all whole country DE; }
group_flows() { pipeline network-flows flows && embeddings_all whole service dns; }
group_packages() { pipeline debian-packages packages; }
pipeline() { # PIPELINE NAME: as the comments of the pipeline say
    local yaml=pipelines/$1.yaml m=build/pipelines/$2.model new=build/pipelines/$2.new.csv given
    mkdir build
    cp -r data/pipelines build/pipelines
    [ -f "$new" ] || new=build/pipelines/$2.csv
    run columns columns --pipeline "$yaml" --json
    run columns.text columns --pipeline "$yaml"
    run train train --pipeline "$yaml" --quiet ${few[@]+"${few[@]}"}
    run score score "$m" "$new" --pipeline "$yaml" --quiet
    run plain score "$m" "$new" -o plain.csv
    run inspect inspect "$m" --json
    if [ "$2" != packages ]; then # the others have labels
        run eval eval "$m" "$new" --pipeline "$yaml" --json --quiet
        run eval.text eval "$m" "$new" --pipeline "$yaml" --quiet
        run eval.loss eval "$m" "$new" --pipeline "$yaml" --json --score loss
    fi
    cp "$m" whole.model
    encode_all whole "$new"
    for given in data/pipelines/*; do rm -f "build/pipelines/${given##*/}"; done
}
group_committed() { # a model that lies in the tree
    cp data/debian-packages.model debian.model
    run score score debian.model data/pipelines/packages.csv -o debian.csv --explain 2
    run inspect inspect debian.model --json
    run inspect.text inspect debian.model
    embeddings_all debian section games
    encode_all debian data/pipelines/packages.csv
    rm debian.model
}

# ---- Adult

rich=(--label salary --positive '>=50k' --json)
group_adult() {
    train a data/adult.csv --report report.json
    train b data/adult.csv --widths 24,8,24 --seed 12
    train one data/adult.csv --threads 1
    run columns columns data/adult.csv --json
    run columns.text columns data/adult.csv
    score_all a data/adult.csv
    encode_all a data/adult.5k.csv
    run eval eval a.model data/adult.csv "${rich[@]}"
    run against similar a.model sub.csv --row 5 --against data/adult.csv -k 4 --json
    embeddings_all a occupation Sales
    run align embeddings align a.model b.model -o aligned.model
    run aligned score aligned.model data/adult.5k.csv -o aligned.csv
    run zipped score a.model data/adult.csv.gz -o zipped.csv.gz
}
group_adult_contaminated() {
    train a data/adult.csv --contamination 0.05
    score_all a data/adult.csv
    run eval eval a.model data/adult.csv "${rich[@]}"
}
group_adult_masked() {
    train a data/adult.csv --mask 0.3
    run masked score a.model data/adult.5k.csv -o masked.csv --masked --explain 3
    run eval eval a.model data/adult.5k.csv "${rich[@]}" --masked
}
group_adult_mse() {
    train a data/adult.csv --objective embedding-mse --report report.json
    train b data/adult.csv --objective embedding-mse --contamination 0.05 --activation tanh
    score_all a data/adult.csv
    run b.score score b.model data/adult.csv -o b.csv --explain 3
    run eval eval a.model data/adult.csv "${rich[@]}"
}
group_adult_target() {
    local m
    train a data/adult.csv --target salary --report report.json
    train balanced data/adult.csv --target salary --class-weights balanced --dropout 0.2
    train many data/adult.csv --target education --task classify
    for m in a balanced many; do
        run $m.predict predict $m.model data/adult.csv -o $m.predicted.csv --rejects $m.rejects.csv
        run $m.inspect inspect $m.model --json
    done
    run inspect.text inspect a.model
    encode_all a data/adult.5k.csv
    embeddings_all a occupation Sales
    train frozen data/adult.csv --embeddings a.model --freeze all
    train part data/adult.csv --embeddings a.model --freeze occupation,race
    train thawed data/adult.csv --embeddings a.model
    train words data/adult.csv --embeddings occupation=a.table.word2vec --freeze occupation
    train tables data/adult.csv --embeddings a.tables.safetensors
    for m in frozen part thawed words tables; do
        run $m.score score $m.model data/adult.5k.csv -o $m.csv --explain 2
    done
}
group_adult_regression() {
    local m
    train a data/adult.csv --target age --task regress --report report.json
    train b data/adult.csv --target hours-per-week --scaler standard --activation gelu
    for m in a b; do
        run $m.predict predict $m.model data/adult.csv -o $m.predicted.csv
        run $m.inspect inspect $m.model --json
    done
    encode_all a data/adult.5k.csv
}
group_activations() {
    local a
    for a in leaky-relu relu elu gelu silu tanh linear; do
        train $a data/adult.5k.csv --activation $a --mask 0.2
        run $a.score score $a.model data/adult.5k.csv -o $a.csv --explain 2
        run $a.code encode $a.model data/adult.5k.csv -o $a.code.csv --what code
    done
}
group_spilled() { # more rows than the memory allowed holds
    local many=() _
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do many+=(data/adult.csv); done
    run train train "${many[@]}" -o a.model --quiet --epochs 1 --min-steps 0 --memory 32M
    run score score a.model data/adult.5k.csv -o a.csv
}
resumed=(--epochs 60 --min-steps 0 --seed 4 --quiet --batch-size 64)
group_resume() { # a checkpoint that COMMIT left in the middle of a training, and one of our own
    run whole train data/adult.csv -o whole.model "${resumed[@]}" --checkpoint own
    cp -r data/checkpoint given
    run resumed train data/adult.csv -o resumed.model "${resumed[@]}" --checkpoint given --resume
    run again train data/adult.csv -o again.model "${resumed[@]}" --checkpoint own --resume
    cmp -s whole.model resumed.model || echo "the resumed model is another one" >>unexpected
    expect=2 run other train data/adult.csv -o no.model --quiet --epochs 2 --checkpoint own --resume
}

# ---- dumps: one file that is trained on and scored

group_nsl() { dump nsl; }
group_shuttle() { dump shuttle; }
group_bank() { dump bank; }
dump() { # NAME
    local m
    train a "data/$1.csv" --label odd --contamination 0.05
    train clean "data/$1.csv" --label odd
    for m in a clean; do
        score_all $m "data/$1.csv"
        run $m.eval eval $m.model "data/$1.csv" --label odd --json
        run $m.eval.masked eval $m.model "data/$1.5k.csv" --label odd --json --masked
        run $m.eval.text eval $m.model "data/$1.csv" --label odd --score rarity
    done
    encode_all a "data/$1.5k.csv"
}

# ---- made-up tables

group_mixed() { # dates, missing cells, constants, quotes, records that are no rows; wrong usage
    local m label=(--label odd)
    run columns columns data/mixed.csv --json
    run columns.text columns data/mixed.csv --min-count 2
    train a data/mixed.csv "${label[@]}" --report report.json
    train b data/mixed.csv "${label[@]}" --min-count 3 --max-vocab 40 --embedding-rule power \
        --embedding-width shop=3 --projection 4 --widths 20,6,20 --dropout 0.1 --weight-decay 0.01 \
        --batch-size 100 --learning-rate 0.002 --validation 0.2 --patience 1 --alerts 0.01 --contamination 0.02
    train typed data/mixed.csv "${label[@]}" --categorical shop,code --numeric small,large \
        --timestamp day,epoch --id number --ignore nothing
    for m in a b typed; do
        score_all $m data/mixed.new.csv
        encode_all $m data/mixed.new.csv
        run $m.eval eval $m.model data/mixed.new.csv "${label[@]}" --json
    done
    embeddings_all a shop 'Café "Zur Post"'
    train saved data/mixed.csv "${label[@]}" --embedding-width shop=3 \
        --embeddings shop=data/shop.vectors.txt --freeze shop
    run saved.score score saved.model data/mixed.new.csv -o saved.csv
    train target data/mixed.csv --target small
    run target.predict predict target.model data/mixed.new.csv -o target.csv --rejects target.rejects.csv
    expect=3 run strict score a.model data/mixed.new.csv -o strict.csv --strict
    expect=2 run usage.none train
    expect=2 run usage.flag score a.model data/mixed.csv -o no.csv --no-such-flag
    expect=2 run usage.value train data/mixed.csv -o no.model --epochs 0
    expect=1 run no.model score no.model data/mixed.csv -o no.csv
    head -c 2000 a.model >cut
    expect=1 run cut score cut data/mixed.csv -o no.csv
    expect=1 run other.columns score a.model data/forms/names.csv -o no.csv
    rm -f cut no.csv
}
group_scalers() {
    local s
    for s in gauss-rank standard robust; do
        train $s data/mixed.csv --scaler $s --label odd
        run $s.score score $s.model data/mixed.new.csv -o $s.csv --explain 2
        run $s.input encode $s.model data/mixed.new.csv -o $s.input.csv
        run $s.target.train train data/mixed.csv -o $s.target.model --target large --task regress --scaler $s \
            --quiet --epochs 3
        run $s.target.predict predict $s.target.model data/mixed.new.csv -o $s.predicted.csv
    done
}
group_inputs() { # forms of a file
    local f
    train a data/forms/plain.csv --label odd --id number
    for f in plain.csv tab.tsv semicolon.csv crlf.csv bom.csv newline.csv latin1.csv shuffled.csv part1.csv \
        ids.csv packed.csv.zst packed.csv.gz; do
        run "$f.score" score a.model data/forms/$f -o "$f.scores.csv" --explain 2 --rejects "$f.rejects.csv"
    done
    run two.score score a.model data/forms/part1.csv data/forms/part2.csv -o two.csv
    run ids.jsonl score a.model data/forms/ids.csv -o ids.jsonl --format jsonl
    run latin1.jsonl score a.model data/forms/latin1.csv -o latin1.jsonl --format jsonl --explain 4
    run packed.out score a.model data/forms/plain.csv -o out.csv.zst
    short two data/forms/part1.csv data/forms/part2.csv.gz --label odd
    short bytes data/forms/latin1.csv --label odd
    run bytes.score score bytes.model data/forms/latin1.csv -o bytes.csv --explain 2
    run bytes.list embeddings list bytes.model --json
    run bytes.tables embeddings export bytes.model -o bytes.tables --format word2vec
    short numbers data/forms/numbers.csv --numeric n,m
    run numbers.score score numbers.model data/forms/numbers.csv -o numbers.csv --explain 2
    run numbers.columns columns data/forms/numbers.csv --json
    short times data/forms/times.csv --timestamp when,then
    run times.score score times.model data/forms/times.csv -o times.csv --explain 2
    run times.input encode times.model data/forms/times.csv -o times.input.csv
    short names data/forms/names.csv
    run names.score score names.model data/forms/names.csv -o names.jsonl --format jsonl --explain 3
    short constant data/forms/constant.csv
    run constant.score score constant.model data/forms/constant2.csv -o constant.csv --explain 2
    short long data/long.csv
    run long.score score long.model data/long.csv -o long.csv --only-odd --explain 2
    run long.columns columns data/long.csv --json
    expect=1 run empty train data/forms/empty.csv -o no.model --quiet
    expect=1 run twice train data/forms/twice.csv -o no.model --quiet
}
group_wide() { # more learned inputs than the whole covariance takes; a projection to one number; no numbers
    local m
    short a data/wide.csv --widths 6 --projection 1024
    short b data/wide.csv --widths 6 --projection 1024 --seed 12
    for m in a b; do
        run $m.score score $m.model data/wide.csv -o $m.csv --explain 2
        run $m.rarity score $m.model data/wide.csv -o $m.rarity.csv --score rarity
    done
    run align embeddings align a.model b.model -o aligned.model
    run aligned score aligned.model data/wide.csv -o aligned.csv
    train c data/mixed.csv --label odd --projection 1
    train d data/mixed.csv --label odd --categorical shop,flag \
        --ignore number,day,epoch,code,small,large,text
    for m in c d; do run $m.score score $m.model data/mixed.new.csv -o $m.csv --explain 2; done
}

# ---- the worker and its clients

group_service() {
    local form rows feed replay http worker
    train m data/mixed.csv --label odd --id number --alerts 0.02
    train s data/mixed.csv --label odd --id number --seed 12
    serve feed.db --publish all --shadow s.model
    for form in json csv msgpack; do
        run send.$form send "$rows" data/mixed.new.csv --client c-$form --format $form --batch 256 --quiet
    done
    run send.again send "$rows" data/mixed.new.csv --client c-json --resume --quiet
    run send.calm send "$rows" data/mixed.csv --client calm --batch 256 --quiet
    run send.drifted send "$rows" data/drifted.csv --client calm --batch 256 --quiet
    head -n 60 data/mixed.new.csv >asked.csv
    echo too,few >>asked.csv
    run ask ask "$rows" asked.csv
    awk '!/^too/ && ++n <= 20' data/mixed.new.csv | cut -d, -f1-9 >narrow.csv
    run send.narrow send "$rows" narrow.csv --client narrow --quiet
    fetch metrics
    watch_all all
    run watch.odd watch "$feed" --replay "$replay" --from 1 --topic odd --count 20
    run watch.lines watch "$feed" --replay "$replay" --from 1 --count 300
    run promote promote "${http#http://}"
    run ask.promoted ask "$rows" asked.csv
    end_worker
    serve feed.db --batch-wait 1ms --retain 7d # the same journal; only odd rows are published
    run send.on send "$rows" data/mixed.new.csv --client c-on --quiet
    watch_all again
    end_worker
    cp data/journal.db old.db # the journal that COMMIT left
    serve old.db --publish all
    run send.resumed send "$rows" data/mixed.new.csv --client c-old --resume --quiet
    watch_all old
    end_worker
    run keygen.worker keygen worker-keys
    run keygen.client keygen client-keys
    cp client-keys/curve.key worker-keys/clients/loader.key
    cp worker-keys/curve.key client-keys/server.key
    serve keys.db --keys worker-keys --publish all
    run ask.keys ask "$rows" asked.csv --keys client-keys
    end_worker
    python3 - feed.db old.db >places <<'PY'
import sqlite3, sys
for name in sys.argv[1:]:
    db = sqlite3.connect(name)
    for query in ("pragma application_id", "pragma user_version", "select sql from sqlite_master order by name",
                  "select name, number from clients order by name"):
        print(name, db.execute(query).fetchall())
PY
    rm -rf ./*.db ./*.db-* ready page ./*-keys keygen.*.out
}
# JOURNAL OPTION...: starts a worker. A batch is one message, so that drift is measured after the same rows.
serve() {
    local journal=$1 any='tcp://127.0.0.1:*'
    shift
    : >ready
    "$oddrow" serve m.model --journal "$journal" --pull none --http 127.0.0.1:0 --rows "$any" --feed "$any" \
        --replay "$any" --batch-rows 256 "$@" >ready 2>>serve.err &
    worker=$!
    # shellcheck disable=SC2064 # this worker, when the subshell of the group ends early
    trap "kill -KILL $worker 2>/dev/null" EXIT
    until [ -s ready ] || ! kill -0 $worker 2>/dev/null; do sleep 0.05; done
    rows=$(address rows) feed=$(address feed) replay=$(address replay) http=$(address http)
    sed -E 's/:[0-9]+"/:port"/g' ready >>readies
}
address() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" ready; }
end_worker() {
    local code=0
    kill -TERM "$worker"
    wait "$worker" || code=$?
    trap - EXIT
    echo "serve $code" >>exits
}
# NAME: the page of the metrics is in `page`, and in NAME.txt with the values that no clock moves
fetch() {
    python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())' \
        "$http/metrics" >page
    [ -z "$1" ] || sed -E '/^(#|oddrow_(drift|shadow|rows|rejected|odd_|feed_seq))/!s/ [^ ]+$//' page >"$1.txt"
}
watch_all() { # NAME: the feed, from its first entry to the one that is the last now
    fetch ''
    local last
    last=$(sed -n 's/^oddrow_feed_sequence //p' page)
    run "$1.feed" watch "$feed" --replay "$replay" --from 1 --count "${last:-1}" --format json
}
