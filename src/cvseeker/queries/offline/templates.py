"""How a query may be worded: per kind, from two words to two sentences, in several registers.

A template's fields name the evidence it needs (:mod:`cvseeker.queries.offline.wording` fills them
in): ``{title}``, ``{a_title}`` (with its article), ``{employer}``, ``{school}``, ``{project}``,
``{credential}``, ``{skill}``, ``{skill2}``, ``{skills}`` (a list), ``{phrase}`` to ``{phrase4}``,
``{years}``, ``{location}``, ``{language}``, and a duty as ``{do}``, ``{doing}``, ``{did}`` or
``{done}`` ("has …"); a second duty as ``{doing2}`` and so on. ``far`` before a field asks for
evidence from another part of the passage: a recruiter's needs do not stand in one place.
"""

from functools import cache
from string import Formatter

_KEYWORDS = """
{phrase} {phrase2}
{skill} {phrase}
{phrase} {skill}
{phrase} {phrase2} {phrase3}
{skill} {skill2} {phrase}
{skill}, {skill2}, {phrase}
{phrase}, {phrase2}, {farphrase}
{phrase} {phrase2} {farphrase} {farphrase2}
{skill} {skill2} {skill3}
{skill}, {skill2}, {skill3}, {farphrase}
{title} {phrase}
{title} {skill} {phrase}
{phrase} {title}
{title}: {phrase}, {phrase2}
{skill} + {phrase}
{skill} and {phrase}
{phrase} / {phrase2} / {farskill}
{employer} {title} {phrase}
{phrase} {employer}
{credential} {phrase}
{location} {title} {phrase}
{title} {phrase} {farphrase} {skill}
{skill} AND ({phrase} OR {phrase2})
{phrase} {phrase2} {phrase3} {phrase4}
{project} {phrase}
{project} {skill} {skill2}
{phrase}, {farphrase}, {skill}, {credential}
"""

_QUESTION = """
Who has worked with {phrase} and {phrase2}?
who knows {skill} and {phrase}
Do we have anyone with a background in {phrase}, ideally also {farphrase}?
Which candidates know about {phrase} and {phrase2}?
Is there someone who has {done}?
Has anybody {done}?
Who {did}?
Can anyone here handle {phrase}? Some {farskill} would help too.
Which {title} has experience of {phrase}?
Find me {a_title} who has {done}
Do any of the applicants know {skill} and {skill2}?
I need someone for {phrase}. Who has also dealt with {farphrase}?
who used to {do}
Who was {a_title} at {employer} and dealt with {phrase}?
Has anyone come from {employer} with {phrase} experience?
Which of our people have spent time {doing}?
any {title} with {phrase} and {skill}?
What experience do we have on file of {phrase} and {phrase2}?
Is there a candidate with {credential} who knows {phrase}?
Who can {do} and also {fardo2}?
Which applicant has worked on {aproject}, especially {phrase}?
Could you show me people comfortable with {skill}, {skill2} and {phrase}?
We keep getting questions about {phrase}. Who could take that on, and {do} as well?
Whose résumé mentions {phrase} together with {farphrase}?
"""

_TITLE_SKILLS = """
{title} {skill}
{title} {skill} {skill2}
{title} with {skill}
{title} with {skill} and {phrase}
{title}, {skill}, {phrase}
{title} ({skills})
{title} in {location}, {phrase}
{title} {location} {skill}
{title} who knows {skills}
{years}+ years {title}, {phrase}
{title} / {skill} / {phrase}
experienced {title} for {phrase}
{title} with a background in {phrase} and {farphrase}
looking for {a_title}, must know {skills}
{a_title} who can {do}
{title}, {years} years, {skill} and {skill2}
{title} from {employer}, {phrase}
We are hiring {a_title}. Knowledge of {skills} is expected.
{title} specialising in {phrase}
hands-on {title} ({skill}, {phrase})
{title} or {title2} with {phrase}
{a_title} with {credential} and {skill}
{title} needed: {skills}, {farphrase}
Seeking {a_title} familiar with {phrase}; {farskill} is a plus
{phrase} {title} {location}
{title} speaking {language}, {phrase}
"""

_RESPONSIBILITY = """
{doing}
{doing} and {doing2}
experience {doing}
someone who has {done}
someone to {do}
able to {do}
The person will {do}.
You will {do} and {do2}.
Your job will be to {do}. You will also {do2}.
The role involves {doing}, together with {doing2}.
{title} to {do}
{a_title} who will {do} and {do2}
We need help {doing}.
Looking for a candidate who can {do} without much supervision.
must have {done}
proven record of {doing}
has {done} and {done2}
Main duties: {doing}; {fardoing2}.
In this position you are in charge of {doing}.
day-to-day work: {doing}, {phrase}
As {a_title} you {do}, and you know your way around {skill}.
track record {doing} with {skill}
{doing}, {fardoing2}, {phrase}
The successful applicant has {done}. Experience of {farphrase} would be welcome.
"""

_REQUIREMENTS = """
{skill}, {years}+ years
{years}+ years of experience, {phrase}, {skill}
at least {years} years in {phrase}
{years} years {title} {skills}
minimum {years} years of {phrase} and {phrase2}
{credential} and {phrase}
{credential}, {skill}, {phrase}
{credential} required; {phrase} preferred
must have: {skill}, {skill2}, {phrase}
Requirements: {skills}; {farphrase}; {phrase}.
Essential: {phrase}. Desirable: {farphrase}, {skill}.
Solid knowledge of {skills}. Exposure to {farphrase} is an advantage.
{credential} plus hands-on {phrase}
{credential} holder with experience of {phrase} and {farphrase}
strong in {phrase} and {phrase2}, some {farskill}
The ideal candidate has {credential}, knows {skill} and can {do}.
good command of {language}, knowledge of {phrase}
graduate of {school} with {phrase}
{title} with {credential}, {phrase}
You bring {years} years of experience and know {skills}.
needs {phrase}, {skill} and {farphrase}
What we expect: {phrase}, {phrase2} and a good understanding of {farskill}
we require {skill} and {skill2}; you should be able to {do}
degree or similar, {phrase}, {farphrase}, {skill}
"""

_EXAM = """
How did the {title} at {employer} use {skill} to {do}?
How did the {title} use {skills} in the work on {phrase}?
What did the candidate do at {employer} with regard to {phrase} and {phrase2}?
Which tools were used for {phrase}, and what part did {skill} and {skill2} play?
What role did {skills} play when the candidate was {doing}?
Describe how the candidate went about {doing} at {employer}.
Describe the responsibilities of the {title} at {employer}, including {phrase}.
Explain how {skill} and {skill2} were applied in {aproject}, and what was done about {phrase}.
What were the main tasks in the role of {title}, in particular concerning {phrase} and {phrase2}?
In the role of {title} at {employer}, how were {phrase} and {phrase2} handled?
Which technologies did the {title} rely on while {doing} and {doing2}?
How does the experience with {phrase} and {farphrase} prepare the candidate for work as {a_title}?
What does the résumé say about {phrase} and its connection with {phrase2}?
What did the candidate study at {school}, and how does it relate to work as {a_title}?
At which organisations did the candidate work after {school}, and in what positions?
Compare the candidate's work at {employer} with that at {employer2}: what were the roles and tasks?
What steps did the candidate take to {do}, and how did {phrase} come into it?
Who employed the candidate as {a_title}, and what was the involvement with {phrase}?
How do {credential} and experience of {phrase} support the candidate's career?
Explain the purpose of {aproject} and the candidate's part in {doing}.
What is the candidate's experience of {doing}? Mention {phrase} and tools such as {skill}.
In what ways did working at {employer} involve {phrase}? Give examples of specific duties.
Discuss the candidate's work as {a_title}: what was done for {phrase}, and with which methods?
How has the candidate moved from {title} to {title2}, and what were the duties in each position?
Which languages, tools and frameworks besides {skill} were used in {aproject}?
How did the candidate contribute to {phrase} and {phrase2} as {a_title}?
What are the candidate's education and qualifications, for instance {credential} from {school}?
"""

_NEUTRAL_QUESTION = """
What is said about {phrase}?
Where is {phrase} discussed together with {phrase2}?
what does it say on {phrase} and {phrase2}
How are {phrase} and {phrase2} connected?
Which part deals with {phrase}, {phrase2} and {farphrase}?
Tell me about {phrase}.
Is there anything on {phrase}, or on {farphrase}?
I am looking for details of {phrase} and {phrase2}.
How is {phrase} treated?
What do we know about {phrase} with regard to {phrase2}?
Find the passage on {phrase}
Could you summarise what is written on {phrase} and {farphrase}?
Why does {phrase} matter for {phrase2}?
"""

_NEUTRAL_EXAM = """
How does {phrase} affect {phrase2}, and what follows for {farphrase}?
Explain the role of {phrase} in connection with {phrase2}.
What are the main points concerning {phrase} and {phrase2}? Mention {farphrase} as well.
Describe how {phrase} is handled and which part {phrase2} plays in it.
What information is given on {phrase}, {phrase2} and {phrase3}?
Discuss the significance of {phrase} and its relation to {farphrase}.
In what ways are {phrase} and {phrase2} linked?
According to the text, what is the purpose of {phrase} and how does {farphrase} come into it?
Compare what is said about {phrase} with what is said about {farphrase}.
What conditions apply to {phrase}? How do they bear on {phrase2}?
How would you explain {phrase} to somebody who knows only about {phrase2}?
Which facts about {phrase} and {phrase2} does the document state?
"""

_NEUTRAL_KEYWORDS = """
{phrase} {phrase2}
{phrase}, {phrase2}
{phrase} {phrase2} {phrase3}
{phrase}, {phrase2}, {farphrase}
{phrase} and {phrase2}
{phrase} / {farphrase}
{phrase} {farphrase} {phrase2}
{phrase} {phrase2} {farphrase} {farphrase2}
{phrase} + {phrase2}
{phrase} OR {phrase2} {phrase3}
{farphrase} {phrase}
{phrase}: {phrase2}, {phrase3}
"""


def _lines(block: str) -> tuple[str, ...]:
    return tuple(block.strip().splitlines())


RESUME_TEMPLATES: dict[str, tuple[str, ...]] = {
    "keywords": _lines(_KEYWORDS),
    "question": _lines(_QUESTION),
    "title_skills": _lines(_TITLE_SKILLS),
    "responsibility": _lines(_RESPONSIBILITY),
    "requirements": _lines(_REQUIREMENTS),
    "exam": _lines(_EXAM),
}
"""Kind of query → its templates, for résumés."""

NEUTRAL_TEMPLATES: dict[str, tuple[str, ...]] = {
    "keywords": _lines(_NEUTRAL_KEYWORDS),
    "question": _lines(_NEUTRAL_QUESTION),
    "exam": _lines(_NEUTRAL_EXAM),
}
"""Kind of query → its templates, for passages about anything else."""


@cache
def fields(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields, in order.

    Parameters
    ----------
    template
        A line of this module.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> fields("{title} with {skill} and {farphrase}")
    ('title', 'skill', 'farphrase')
    """
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)
