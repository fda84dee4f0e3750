# Reads headers and writes the C program that tests every function of theirs that frees: each takes
# NULL, a pointer to NULL, and a struct that was never filled. So a new one is tested without being
# listed anywhere.
/^(ODDROW_API )?void odd[a-z_0-9]*_(free|close)\([a-z_0-9]+ \**[a-z_0-9]*\);/ {
    name = type = $0
    sub(/\(.*/, "", name)
    sub(/.* /, "", name)
    sub(/^[^(]*\(/, "", type)
    sub(/ .*/, "", type)
    if (type == "void" || (name ~ /_close$/ && !/\*\*/))
        next
    path = FILENAME
    sub(/^.*\/src\//, "", path)
    if (!seen[path]++)
        print "#include \"" path "\""
    calls = calls "    {\n        " type (/\*\*/ ? " *nothing = NULL" : " nothing = {0}") ";\n" \
        "        " name "(NULL);\n        " name "(&nothing);\n" \
        (/\*\*/ ? "        failed |= nothing != NULL;\n" : "") "    }\n"
}

END {
    print "\nint main(void)\n{\n    int failed = 0;\n" calls "    return failed;\n}"
}
