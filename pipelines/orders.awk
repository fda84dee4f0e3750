# orders.awk: generates the orders of a shop as CSV, with many kinds of columns, missing cells and quoted
# text. A few of the orders are odd.
#
# usage: awk -v rows=10000 -v odd=0.02 -v seed=1 -f pipelines/orders.awk >orders.csv
#
# The same seed gives the same rows in every awk: Park and Miller's generator is exact in doubles.
function random() {
    state = state * 16807 % 2147483647
    return state / 2147483647
}
function normal(    u) {
    u = random()
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * random())
}
function pick(n) { return int(n * random()) + 1 }

BEGIN {
    if (!rows) rows = 10000
    if (odd == "") odd = 0.02
    state = seed ? seed * 6007 % 2147483647 : 6007
    for (i = 0; i < 10; i++) random()
    countries = split("DE DE DE FR FR GB US US JP BR", country_of, " ")
    split("DE EUR FR EUR GB GBP US USD JP JPY BR BRL", pairs, " ")
    for (i = 1; i <= 12; i += 2) currency_of[pairs[i]] = pairs[i + 1]
    split("DE 1 FR 1 GB 0.85 US 1.1 JP 160 BR 6", pairs, " ")
    for (i = 1; i <= 12; i += 2) rate[pairs[i]] = pairs[i + 1]
    products = split("tea|coffee|cup, small|cup, large|kettle|\"family\" set|filter|grinder", product_of, "|")
    split("6 9 12 15 48 110 4 65", price_of, " ")
    split("0.1 0.25 0.3 0.4 1.6 5 0.05 2.1", weight_of, " ")
    print "order;placed;customer;country;currency;product;quantity;unit_price;discount;coupon;payment;weight_kg;note;odd"
    for (i = 1; i <= rows; i++) {
        country = country_of[pick(countries)]
        currency = currency_of[country]
        p = pick(products)
        segment = random() < 0.85 ? "private" : "business"
        quantity = segment == "business" ? 10 + int(40 * random()) : 1 + int(-1.2 * log(random()))
        price = price_of[p] * rate[country] * (1 + 0.03 * normal())
        coupon = random() < 0.15 ? (random() < 0.5 ? "SPRING" : "FRIEND") : ""
        discount = coupon == "SPRING" ? 10 : coupon == "FRIEND" ? 15 : 0
        payment = segment == "business" ? "invoice" : (country == "DE" ? (random() < 0.5 ? "debit" : "card") : (country == "JP" ? (random() < 0.4 ? "konbini" : "card") : "card"))
        weight = quantity * weight_of[p] * (1 + 0.02 * normal())
        label = "no"
        if (random() < odd) {
            label = "yes"
            what = pick(5)
            if (what == 1) { do currency = currency_of[country_of[pick(countries)]]; while (currency == currency_of[country]) }
            else if (what == 2) { discount = 60 + pick(30); coupon = "" }
            else if (what == 3) { quantity = 500 + pick(500); segment = "private"; payment = "card" }
            else if (what == 4) { price = price / 100 }
            else { payment = country == "JP" ? "debit" : "konbini"; weight = weight * 20 }
        }
        text = product_of[p]
        if (text ~ /["]/) { gsub(/"/, "\"\"", text); text = "\"" text "\"" }
        # In some columns, one cell in fifty is missing.
        printf "%d;2025-%02d-%02d %02d:%02d;%s;%s;%s;%s;%d;%.2f;%d;%s;%s;%s;%s;%s\n", 100000 + i, \
            1 + int(12 * (i - 1) / rows), pick(28), 7 + pick(14), pick(60) - 1, segment, country, \
            (random() < 0.02 ? "" : currency), text, quantity, price, discount, coupon, \
            (random() < 0.02 ? "" : payment), (random() < 0.02 ? "NA" : sprintf("%.2f", weight)), \
            (random() < 0.05 ? "gift" : ""), label
    }
}
