"""Word lists that names are found with; all lower case."""

from cvseeker.resumes.lexicon import words

TITLES = words("dr mr mrs ms miss mx prof professor sir dame rev ing dipl herr frau mme mlle")
PARTICLES = words(
    """
    al el bin bint ibn da das de del della den der des di do dos du la las le los san st ten ter van
    von vande vander und e y zu zur
    """
)
CREDENTIALS = words(
    """
    acca aca acma aia apics ba bba bcom bed bs bsc bsn ca ccna cfa cfp chrp cima cipd cipm cipp
    cisa cism cissp cma cpa cpim cscp dba edd facca fca fcca frcs gphc iii inc jd jr lcsw llb llm
    lpn ma maat mba mbbs mca mciob mcips mcsp md mba med meng mph mrcp ms msc msn msw np pe pgce
    phd phr pmp pt rn rpt sphr sr
    """
)
# Names that are words as well: they name nobody in lower case.
ORDINARY = words(
    """
    abbey amber angel april archer art august autumn bay bell berry bill bird bishop black blue bond
    booker bowman brook brooks brown buck burns bush cash chance chase christian church clay cliff
    close coffin cole colt cross crystal curry dale daisy dash dawn day dean dell dick dolly drew
    duke earl early ease east emerald fair faith fern field finance fleet flint flood flower ford
    forest foster fox frank freeman frost garden gene ginger glen gold good grace grant gray green
    grey grove guy hall hand harbour hardy harmony harper hart harvest hazel heath hill holly home
    hood hope house hunt hunter ivy jack jade jasmine jay jewel joy june justice king knight lake
    lance land lane law lee lily link long love major mark marsh may mercy miles mill mills mist
    moon moore morning moss noble north oak olive page park parks parson pearl penny pierce pike
    piper pitt plant poe pool pope porter power price pride prince queen ray reed reese rich ridge
    river robin rock rod rose ruby ruth rush sage sandy saint savage scarlet scott sea self sharp
    shaw shore short silver skye small snow sparks spring stark star steel sterling stern stone
    storm strong summer sunny swan temple terry thorn tiger tim valley victor violet walker wall
    wells west white will wise wolf wood woods young
    """
)
TECHNOLOGY = words("ada basic dart delphi elm java jasper jenkins julia maven oracle pascal perl")
TECHNOLOGY |= words("python ruby rust scala spring swift vue")
MONTHS = words("april may june july august")
# Too short and too common to name anybody by themselves.
NO_NAMES = words(
    """
    an as at be by do go he if in is it me my no of on or so to up us we id hr am pm and are but
    can for has her his how its may not now one our out own she the too was who why yes you
    """
) - {"may"}
