# Turns the remark "utf8" behind a field into a row of the table that unpack.c checks by.
# Such a field is a string in Fabric's own .proto files; here it is bytes, because it may hold 0x00.
FNR == 1 { package = ""; depth = 0 }
/^package / { package = $2; sub(/;/, "", package) }
/^ *message [A-Za-z]+ \{/ { name[++depth] = $2; kind[depth] = "m"; if ($0 ~ /\{\}/) depth-- }
/^ *enum [A-Za-z]+ \{/ || /^ *oneof [A-Za-z_]+ \{/ { kind[++depth] = "o"; name[depth] = "" }
/^ *\}/ { if (depth > 0) depth-- }
/\/\/ utf8/ {
    full = package
    for (i = 1; i <= depth; i++) if (kind[i] == "m") full = full "." name[i]
    match($0, /= [0-9]+;/)
    number = substr($0, RSTART + 2, RLENGTH - 3)
    printf "    {\"%s\", %s},\n", full, number
}
