# The files of `medsync new` as rows of C: { "name", "text" },
FNR == 1 {
    if (NR > 1)
        print "},"
    name = FILENAME
    sub(/.*\//, "", name)
    if (name == "gitignore")
        name = ".gitignore"
    printf "{ \"%s\",\n", name
}
{
    gsub(/["\\]/, "\\\\&")
    printf "  \"%s\\n\"\n", $0
}
END { print "}," }
