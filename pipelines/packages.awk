# packages.awk: converts `apt-cache dumpavail` to CSV, one row per package. Plain awk, no extensions.
#
# usage: apt-cache dumpavail | LC_ALL=C awk -f pipelines/packages.awk >packages.csv

# Returns a field as CSV, in quotes if it needs them.
function csv(text) {
    if (text ~ /[",\n\r]/) {
        gsub(/"/, "\"\"", text)
        return "\"" text "\""
    }
    return text
}

# Counts the items of a relation list: commas separate items, and | stands within an item.
function items(text,    parts) {
    return text == "" ? 0 : split(text, parts, /,/)
}

# Returns the first value of a debtags facet: "role::program, …" -> "program".
function facet(name,    at, rest) {
    at = index(", " tags, ", " name "::")
    if (!at)
        return ""
    rest = substr(tags, at + length(name) + 2)
    sub(/[, ].*/, "", rest)
    return rest
}

# Returns the kind of package that the name indicates: lib…-dev, python3-…, …-doc.
function family(name) {
    if (name ~ /-dbg(sym)?$/) return "dbg"
    if (name ~ /-(doc|docs|manual)$/) return "doc"
    if (name ~ /-(data|common)$/) return "data"
    if (name ~ /-(dev|headers)$/) return name ~ /^lib/ ? "lib-dev" : "dev"
    if (name ~ /-l10n|-locale|-i18n/) return "l10n"
    if (name ~ /^lib.*-perl$/) return "perl"
    if (name ~ /^lib.*-java$/) return "java"
    if (name ~ /^lib/) return "lib"
    if (match(name, /^(python3|ruby|node|golang|r|elpa|php|fonts|linux|texlive|gir1\.2|haskell|task|gcc|kodi|vim)-/))
        return substr(name, 1, RLENGTH - 1)
    return "other"
}

# user@alioth-lists.debian.net -> alioth-lists.debian.net
function domain(maintainer) {
    if (!match(maintainer, /@[^>]*/))
        return ""
    return tolower(substr(maintainer, RSTART + 1, RLENGTH - 1))
}

# https://www.example.org/x -> example.org
function host(url) {
    if (url == "")
        return ""
    sub(/^[a-z]+:\/\//, "", url)
    sub(/[\/:?].*/, "", url)
    sub(/^www\./, "", url)
    url = tolower(url)
    # A project's own subdomain of a host counts as the host.
    if (match(url, /[^.]+\.(github\.io|sourceforge\.(net|io)|readthedocs\.(org|io)|gitlab\.io)$/))
        sub(/^[^.]+\./, "", url)
    return url
}

function flush_package(    slash, area, section, source, team) {
    if (package == "")
        return
    section = value["Section"]
    area = "main"
    slash = index(section, "/")
    if (slash) {
        area = substr(section, 1, slash - 1)
        section = substr(section, slash + 1)
    }
    tags = value["Tag"]
    source = value["Source"]
    sub(/ .*/, "", source)
    print csv(package) "," csv(section) "," csv(area) "," csv(value["Priority"]) "," \
        csv(value["Architecture"]) "," csv(value["Multi-Arch"] == "" ? "no" : value["Multi-Arch"]) "," \
        csv(domain(value["Maintainer"])) "," csv(host(value["Homepage"])) "," family(package) "," \
        (source == "" || source == package ? "yes" : "no") "," \
        (value["Version"] ~ /-/ ? "no" : "yes") "," (value["Version"] ~ /^[0-9]+:/ ? "yes" : "no") "," \
        csv(facet("role")) "," csv(facet("implemented-in")) "," csv(facet("interface")) "," \
        value["Size"] "," value["Installed-Size"] "," items(value["Depends"]) "," \
        items(value["Recommends"]) "," items(value["Suggests"]) "," items(value["Provides"]) "," \
        items(value["Conflicts"]) + items(value["Breaks"]) + items(value["Replaces"]) "," \
        items(tags) "," length(value["Description"])
    package = ""
}

BEGIN {
    print "package,section,area,priority,architecture,multi_arch,maintainer_domain,homepage_host," \
        "family,own_source,native,epoch,role,implemented_in,interface,size,installed_size,depends," \
        "recommends,suggests,provides,conflicts,tags,description_length"
}

/^$/ {
    flush_package()
    next
}

# A line that begins with a blank continues the previous field.
/^[ \t]/ {
    if (field == "Tag")
        value[field] = value[field] $0
    next
}

{
    colon = index($0, ":")
    if (!colon)
        next
    field = substr($0, 1, colon - 1)
    if (field == "Package") {
        flush_package()
        split("", value)
        package = substr($0, colon + 2)
    } else {
        value[field] = substr($0, colon + 2)
    }
}

END {
    flush_package()
}
