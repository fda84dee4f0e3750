# flows.awk: generates network flows as CSV, with a time. A few of the flows are odd.
#
# usage: awk -v rows=20000 -v odd=0.01 -v seed=1 -f pipelines/flows.awk >flows.csv
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
function spread(middle, width) { return exp(log(middle) + width * normal()) }

# The date and time of second s of the eight weeks that begin on Monday 2025-03-03.
function date(s,    day, month, rest) {
    day = 3 + int(s / 86400)
    month = 3
    if (day > 31) { day -= 31; month = 4 }
    rest = s % 86400
    return sprintf("2025-%02d-%02dT%02d:%02d:%02dZ", month, day, int(rest / 3600), int(rest % 3600 / 60), rest % 60)
}

BEGIN {
    if (!rows) rows = 20000
    if (odd == "") odd = 0.01
    state = seed ? seed * 7919 % 2147483647 : 7919
    for (i = 0; i < 10; i++) random()
    split("web web web web dns dns dns mail ssh ntp", services, " ")
    print "flow,start,service,protocol,port,network,state,packets,bytes_out,bytes_in,seconds,odd"
    for (i = 1; i <= rows; i++) {
        # There is more traffic by day, and less at weekends.
        do {
            second = int(56 * 86400 * random())
            hour = second % 86400 / 3600
            weekend = int(second / 86400) % 7 > 4
        } while (random() > (weekend ? 0.3 : 1) * (0.1 + exp(-(hour - 14) * (hour - 14) / 18)))
        service = services[pick(10)]
        protocol = "tcp"; state_name = random() < 0.95 ? "closed" : "reset"
        network = "office-" pick(5)
        if (service == "web") { port = random() < 0.9 ? 443 : 80; out = spread(1500, 0.7); into = spread(40000, 1.2); seconds = spread(2, 1) }
        else if (service == "dns") { port = 53; protocol = "udp"; state_name = "stateless"; out = spread(70, 0.2); into = spread(180, 0.4); seconds = spread(0.02, 0.5) }
        else if (service == "mail") { port = random() < 0.7 ? 587 : 993; out = spread(30000, 1); into = spread(3000, 0.8); seconds = spread(4, 0.7); network = "mail-" pick(2) }
        else if (service == "ssh") { port = 22; out = spread(8000, 1); into = spread(12000, 1); seconds = spread(300, 1); network = "admin" }
        else { port = 123; protocol = "udp"; state_name = "stateless"; out = 76; into = 76; seconds = spread(0.03, 0.3) }
        label = 0
        if (random() < odd) {
            label = 1
            what = pick(4)
            if (what == 1) { network = "office-" pick(5); service = "ssh"; protocol = "tcp"; state_name = "reset"; port = 22; out = 60; into = 0; seconds = 0.001 }   # connection attempts that are reset
            else if (what == 2) { service = "dns"; protocol = "udp"; port = 53; state_name = "stateless"; out = spread(200000, 0.5); seconds = spread(600, 0.5) }  # a tunnel
            else if (what == 3) { service = "web"; protocol = "udp"; port = 1024 + pick(60000); }                  # a protocol and port that the web does not use
            else { out = spread(50000000, 0.6); seconds = spread(900, 0.5) }                                       # a copy of all data leaves
        }
        packets = int((out + into) / 700) + 1 + int(3 * random())
        printf "f%06d,%s,%s,%s,%d,%s,%s,%d,%d,%d,%.3f,%d\n", i, date(second), service, protocol, port, network, state_name, packets, out, into, seconds, label
    }
}
