# A manual page in man(7) from a program's --help on standard input, so that there is one text to keep right.
#   awk -f help.awk -v name=medsync-invoke -v section=1 -v version=0.1.0 -v date=2026-11-21 \
#     -v what="one line" -v also="medsync(1)" [-v synopsis=...] [-v more=FILE, man(7) that goes before SEE ALSO]
# Lines "usage: ..." are the synopsis; two blanks, a term, two blanks and words are an entry of a list, and lines that
# are indented further go on with it; a short line that ends with a colon is a heading.
function escape(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    sub(/^[.']/, "\\\\\\&&", s)
    return s
}
function put(s) { print escape(s) }
function section_of(title) {
    print ".SH " toupper(title)
    open = "text" # a paragraph needs no mark at its section's begin
}
function paragraph() {
    if (open != "text") {
        print ".PP"
        open = "text"
    }
}
BEGIN {
    printf ".TH %s %s %s \"MedSync %s\" \"MedSync\"\n", toupper(name), section, date, version
    section_of("name")
    put(name " - " what)
    state = "synopsis"
    section_of("synopsis")
    print ".nf"
    if (synopsis) # of a program whose help has none
        put(synopsis)
}
state == "synopsis" && (/^usage: / || /^       [a-z]/) {
    sub(/^usage: /, "")
    sub(/^ +/, "")
    put($0)
    next
}
state == "synopsis" {
    print ".fi"
    section_of("description")
    state = "text"
    if ($0 == "")
        next
}
/^$/ {
    open = ""
    next
}
# "  --dir DIR    words", "  up    words", "  6  words"
/^  [^ ]/ {
    line = substr($0, 3)
    at = match(line, /  +/)
    print ".TP"
    if (at) {
        print ".B " escape(substr(line, 1, at - 1))
        put(substr(line, at + RLENGTH))
    } else
        print ".B " escape(line)
    open = "entry"
    next
}
/^   +/ {
    line = $0
    sub(/^ +/, "", line)
    put(line)
    next
}
/:$/ && length($0) < 30 {
    line = $0
    sub(/:$/, "", line)
    print ".SS " escape(line)
    open = ""
    next
}
{
    paragraph()
    put($0)
}
END {
    if (state == "synopsis")
        print ".fi"
    while (more && (getline line < more) > 0)
        print line
    section_of("see also")
    print also
}
