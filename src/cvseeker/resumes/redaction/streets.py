"""How streets are written in languages other than English, German, French and Hindi's English."""

import re

_UPPER = r"[^\W\d_a-zà-öø-ÿ]"
_NAME = rf"(?:{_UPPER}|\d{{1,2}}[ ])[\w'’.-]{{0,24}}"
_SMALL = r"(?:d[aeiou]s?|del(?:la|le|l['’])?|la|las|los|e|y|l['’]|dei|degli|San|Santa)"
_YEAR = r"(?:19|20)\d\d(?!\d)"
_HOUSE = (
    r"(?:n[º°.]?[ ]?|n[uú]m\.?[ ]|nr\.?[ ]|no\.?[ ]|nº[ ])?\d{1,5}[A-Za-z]?"
    r"(?:[/-]\d{1,4}[A-Za-z]?)?"
)
_FLOOR = (
    r"(?:[ ]?[,–-]?[ ]{0,2}(?:\d{1,2}[.]?[ºª°](?:[ ]?(?:[A-Z]|[Ii]zq\w*|[Dd]cha|[Dd]ch|[Dd]to"
    r"|[Ee]sq|[Dd]rt|[Ff]rente)\b\.?)?"
    r"|(?i:piso|apto|apt|ap|bloco|bl|casa|esc|escalera|pta|puerta|portal|int|interno|scala"
    r"|conjunto|cj|sala|andar|lote)\b\.?[ ]?[\dA-Z]{1,5}(?!\w)"
    r"|(?:Izq\w*|Dcha|Dto|Esq)\b\.?)){0,4}"
)
_CODE = (
    r"(?:,?[ ]{0,2}[-–]?[ ]{0,2}(?i:cap|c\.?p\.?|cep)?:?[ ]{0,2}(?:\d{5}-\d{3}|\d{4}-\d{3}|\d{5})"
    r"(?!\d)(?=[ ,]{1,3}[^\W\d_]|[ ]*$))?"
)
_IBERIAN = (
    r"(?<!\w)(?:C/|C\.|Calle|CALLE|Cl\.|Avda\.?|Avda|Av\.?|Avenida|AVENIDA|Paseo|P[ºo]\.?|Plaza"
    r"|Pza\.?|Pl\.|Ronda|Camino|Carretera|Ctra\.?|"
    r"Traves[ií]a|Carrer|Carrera|Cra\.?|Rambla|Rua|RUA|R\.|Travessa|Tv\.|Pra[cç]a|P[cç]a\."
    r"|Alameda|Al\.|Estrada|Rodovia|Via|VIA|Viale|V\.le|"
    r"Piazza|P\.zza|P\.za|Piazzale|Vicolo|Lungarno|Contrada)[ ]?"
    rf"(?:{_SMALL}[ ]?){{0,2}}{_NAME}(?:[ ](?:{_SMALL}[ ]?){{0,2}}{_NAME}){{0,4}},?[ ]{{1,2}}"
    rf"(?!{_YEAR}){_HOUSE}(?![\w%]){_FLOOR}{_CODE}"
    # Courses have these words, and numbers, too.
    rf"|(?<!\w)(?:Corso|C\.so|Largo|Strada)[ ]{_NAME}(?:[ ]{_NAME}){{0,3}},?[ ]{{1,2}}{_HOUSE}"
    rf"(?=,?[ ]{{1,2}}(?:[-–][ ])?\d{{4,5}}(?!\d))"
)
_SLAVIC = (
    r"(?<!\w)(?:(?:[Uu]l|[Aa]l|[Pp]l|[Oo]s|nám|tř|UL)\.[ ]{0,2}|(?:ulica|aleja|aleje|osiedle"
    r"|ulice)[ ]{1,2})(?:[\w.'’-]{1,20}[ ]){0,4}?[\w.'’-]{1,20}[ ]{1,2}"
    r"\d{1,4}[A-Za-z]?(?:[ ]?/[ ]?\d{1,4}[a-z]?)?(?:,?[ ](?:m|lok|mieszk)\.?[ ]?\d{1,4})?(?:,?[ "
    r"]\d\d-\d{3}(?=[ ]\w))?(?!\w)"
    r"|(?<!\w)(?i:(?:ул|пр|просп|пр-т|пер|наб|бул|ш|пл|вул|мкр)\.[ ]{0,2}|(?:ул|улица|проспект"
    r"|пр-т|переулок|набережная|бульвар|шоссе|вулиця)[ ]{1,2})(?:[\w.-]{1,20}[ ]?){1,3},?"
    r"[ ]{0,2}(?:(?i:д|дом|буд)\.?[ ]?)?\d{1,4}[А-Яа-я]?(?:[/-]\d{1,3})?(?:,?[ ]{0,2}(?i:кв|корп"
    r"|к|стр|оф|офис|квартира)\.?[ ]?\d{1,4})*"
)
_EAST = (
    r"〒[ ]?\d{3}[-－‐−]?\d{4}|(?<![\d-])\d{3}-\d{4}(?=[ ]{1,2}[\u4e00-\u9fff]{2,3}[都道府県])"
    r"|(?<=[市区县镇])(?:(?![市区县镇])[\u4e00-\u9fff]){1,8}(?:路|街|大道|巷|弄|胡同|道|村"
    r"|小区)[\u4e00-\u9fff]{0,6}\d{1,5}(?:号|弄|幢|栋)"
    r"(?:[\u4e00-\u9fff\d\-]{0,12}(?:室|楼|栋|单元|幢|座|层|号))?"
    r"|[\u4e00-\u9fff]{2,6}(?:路|街|大道|巷|胡同)\d{1,5}(?:号|弄)"
    r"(?:[\u4e00-\u9fff\d\-]{0,12}(?:室|楼|栋|单元|幢"
    r"|座|层))?"
    r"|(?<=[市区町村郡])(?:(?![市区])[\u3005-\u30ff\u4e00-\u9fff]){1,10}[ ]?\d{1,4}"
    r"(?:(?:丁目|番地?|号|[-－−‐ー之の])\d{0,4}){1,4}(?:号室?)?"
    r"(?:[ ][\w]{1,20}?[ ]?\d{2,4}(?:号室?)?)?"
    r"|(?<=[시구군읍면동][ ])[가-힣]{1,10}(?:대로|로|길)(?:[ ]?\d{1,4}번?길)?"
    r"[ ]?\d{1,4}(?:-\d{1,4})?(?![\d년월일개명])(?:[번]지)?"
    r"(?:,?[ ]{0,2}(?:[가-힣A-Za-z]{0,12}[ ]?)?\d{1,4}동)?(?:,?[ ]?\d{1,5}호)?"
)
_SEMITIC = (
    r"(?:شارع|طريق|حي)[ ][\u0621-\u06ff]{2,15}(?:[ ][\u0621-\u06ff]{2,15}){0,3}(?:[،,]?[ ]{0,2}"
    r"(?:رقم|مبنى|بناية|عمارة|شقة)?[ ]?\d{1,5}){0,3}"
    r"|(?:مبنى|عمارة|شقة|بناية)[ ](?:رقم[ ])?\d{1,5}|ص\.?[ ]?ب\.?[ :]{0,2}\d{2,7}"
    r"|(?:רחוב|רח['׳])[ ][\u05d0-\u05ea]{2,15}(?:[ ][\u05d0-\u05ea]{2,15}){0,2}[ ]\d{1,4}"
)
_VIETNAMESE = (
    r"(?<!\w)(?:(?i:số)(?:[ ]nhà)?[ ])?\d{1,4}[A-Za-z]?(?:/\d{1,4}[A-Za-z]?){0,3},?[ ](?i:ngõ"
    r"|ngách|hẻm|đường|phố|kiệt)[ ][^,\n]{1,30}"
    r"|(?<!\w)(?i:số)[ ](?i:nhà[ ])?\d{1,4}[^,\n]{1,30}"
)
_TURKISH = (
    r"(?<!\w)[A-ZÇĞİÖŞÜ][\w'’]{1,20}(?:[ ][A-ZÇĞİÖŞÜ][\w'’]{1,20}){0,2}[ ](?:Cad|Sok|Sk|Mah|Bulv"
    r"|Blv|Caddesi|Sokağı|Sokak|Mahallesi|Bulvarı)\b\.?"
    r"(?:,?[ ](?:[A-ZÇĞİÖŞÜ][\w'’]{1,20}[ ]){1,3}(?:Cad|Sok|Caddesi|Sokağı|Sokak|Bulvarı)\b\.?)?"
    r"(?:,?[ ]{0,2}[Nn]o\b[:.]?[ ]?\d{1,4}\w?)?(?:/\d{1,4})?(?:,?[ ](?:D|Daire|Kat)[:.][ "
    r"]?\d{1,4})*"
)
_NORTHERN = (
    r"(?<!\w)(?:[A-ZÅÄÖÆØ][\wåäöæøé.-]{1,20}[ ]){0,2}[A-ZÅÄÖÆØ][\wåäöæøé-]{1,25}(?:gatan|vägen"
    r"|gränd|vei|veien|gata|gaten|vej|gade|stræde|allé|katu|tie|kuja|torget|plads|backen|stigen"
    r"|singel|plein|dijk|dreef|hof|steeg|markt|gracht|straat|laan|kade)"
    r"[ ]\d{1,4}[ ]?[A-Za-z]?(?:-\d{1,4}|,?[ ](?:lgh|leil\.?)[ ]?\d{1,5})?(?!\w)(?!%)"
)
# Each with signs of which a line must have one to be searched at all.
STREETS = tuple(
    (re.compile(pattern), tuple(signs.split()))
    for pattern, signs in (
        (
            _IBERIAN,
            "C/ C. Calle CALLE Cl. Avda Av. Av Avenida AVENIDA Paseo Po. Pº Plaza Pza Pl. Ronda "
            "Camino Carretera Ctra Traves "
            "Carrer Cra Rambla Rua RUA R. Tv. Praça Praca Pça Pca Largo Alameda Al. Estrada "
            "Rodovia Via VIA V.le Piazza P.zza "
            "P.za Corso C.so Vicolo Strada Lungarno Contrada",
        ),
        (
            _SLAVIC,
            "ul. al. pl. os. nám. tř. Ul. Al. Os. Pl. UL. ulica aleja aleje osiedle ulice ул Ул "
            "УЛ пр. Пр. просп Просп пр-т пер. Пер. "
            "переул Переул наб Наб бул Бул ш. шоссе пл. Пл. вул Вул мкр",
        ),
        (_EAST, "〒 - 丁 番 号 路 街 道 弄 로 길"),
        (_SEMITIC, "شارع طريق حي مبنى عمارة شقة بناية ص רח"),
        (_VIETNAMESE, "ngõ Ngõ ngách hẻm Hẻm đường Đường phố Phố số Số kiệt Kiệt"),
        (_TURKISH, "Cad Sok Sk Mah Bulv Blv"),
        (
            _NORTHERN,
            "gatan vägen gränd vei gata vej gade stræde allé katu tie kuja torget plads backen "
            "stigen gaten singel plein dijk dreef hof steeg markt gracht straat laan kade",
        ),
    )
)
