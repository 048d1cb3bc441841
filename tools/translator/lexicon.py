"""The words of the English-French grammar, with the forms that it needs.

Groups of nouns: p person, a animal, t thing, f food, x something written, l place.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    en: str
    en_plural: str
    fr: str
    fr_plural: str
    gender: str  # "m" or "f"
    group: str

    def forms(self, plural):
        return (self.en_plural, self.fr_plural) if plural else (self.en, self.fr)


@dataclass(frozen=True)
class Adjective:
    en: str
    comparative: str  # "" where French compares in another way
    fr: tuple  # masculine, feminine, masculine plural, feminine plural
    before: bool  # stands before the noun
    vowel: str  # masculine singular before a vowel
    groups: str

    def agree(self, gender, plural, next_is_vowel=False):
        if gender == "m" and not plural and next_is_vowel:
            return self.vowel
        return self.fr[2 * plural + (gender == "f")]


@dataclass(frozen=True)
class Verb:
    en: str
    third: str
    past: str
    particle: str  # "for" of "look for"
    infinitive: str
    present: tuple  # je, tu, il, nous, vous, ils
    participle: str
    future: str  # stem
    objects: str  # groups of its object; "" for an intransitive verb
    with_be: bool  # its past is made with être
    progressive: bool

    @property
    def ing(self):
        doubled = {"run": "running", "swim": "swimming"}
        if self.en in doubled:
            return doubled[self.en]
        return (self.en[:-1] if self.en.endswith("e") and not self.en.endswith("ee") else self.en) + "ing"


def _nouns(group, lines):
    for line in lines.strip().splitlines():
        en, fr, gender, *irregular = line.split()
        plurals = dict(item.split("=") for item in irregular)
        yield Noun(en, plurals.get("en", en + "s"), fr, plurals.get("fr", fr + "s"), gender, group)


NOUNS = [
    *_nouns("p", """
man homme m en=men
woman femme f en=women
child enfant m en=children
friend ami m
teacher professeur m
doctor médecin m
student étudiant m
girl fille f
boy garçon m
king roi m
queen reine f
neighbour voisin m
mother mère f
father père m
sister sœur f
brother frère m
uncle oncle m
aunt tante f
lawyer avocat m
baker boulanger m
"""),
    *_nouns("a", """
cat chat m
dog chien m
horse cheval m fr=chevaux
bird oiseau m fr=oiseaux
cow vache f
mouse souris f en=mice fr=souris
bee abeille f
rabbit lapin m
frog grenouille f
wolf loup m en=wolves
turtle tortue f
duck canard m
spider araignée f
"""),
    *_nouns("t", """
car voiture f
key clé f
flower fleur f
tree arbre m
picture image f
knife couteau m en=knives fr=couteaux
bottle bouteille f
chair chaise f
hat chapeau m fr=chapeaux
dress robe f en=dresses
gift cadeau m fr=cadeaux
box boîte f en=boxes
umbrella parapluie m
table table f
window fenêtre f
boat bateau m fr=bateaux
"""),
    *_nouns("f", """
apple pomme f
cake gâteau m fr=gâteaux
orange orange f
egg œuf m
carrot carotte f
pear poire f
"""),
    *_nouns("x", """
book livre m
letter lettre f
story histoire f en=stories
song chanson f
newspaper journal m fr=journaux
"""),
    *_nouns("l", """
house maison f
garden jardin m
school école f
kitchen cuisine f
church église f
city ville f en=cities
forest forêt f
market marché m
museum musée m
hotel hôtel m
village village m
office bureau m fr=bureaux
street rue f
shop magasin m
"""),
]

NAMES = [("Marie", "f"), ("Paul", "m"), ("Anna", "f"), ("Thomas", "m"), ("Sophie", "f"), ("Hugo", "m"),
         ("Emma", "f"), ("Louis", "m")]


def _adjectives(lines):
    for line in lines.strip().splitlines():
        en, comparative, place, groups, masculine, *rest = line.split()
        forms = dict(item.split("=") for item in rest)
        silent = masculine.endswith("e")
        feminine = forms.get("f", masculine if silent else masculine + "e")
        plural = forms.get("mp", masculine if masculine[-1] in "sx" else masculine + "s")
        more = {"-": "", "+": "more " + en}.get(comparative, comparative)
        yield Adjective(en, more, (masculine, feminine, plural, feminine + "s"), place == "before",
                        forms.get("v", masculine), groups)


ADJECTIVES = list(_adjectives("""
big bigger before patfxl grand
small smaller before patfxl petit
beautiful + before patxl beau f=belle mp=beaux v=bel
old older before patxl vieux f=vieille v=vieil
new - before txl nouveau f=nouvelle mp=nouveaux v=nouvel
young younger before pa jeune
good - before pfx bon f=bonne
bad - before fx mauvais
red - after atf rouge
green - after atf vert
blue - after tl bleu
black - after at noir
white - after atl blanc f=blanche
yellow - after atf jaune
happy happier after pa heureux f=heureuse
sad sadder after pax triste
tired + after pa fatigué
dangerous + after atl dangereux f=dangereuse
intelligent + after pa intelligent
strange stranger after patfxl étrange
rich richer after p riche
strong stronger after pa fort
slow slower after pa lent
quiet quieter after pal calme
kind kinder after pa gentil f=gentille
expensive + after tfl cher f=chère
heavy heavier after t lourd
famous + after pxl célèbre
"""))


def _er(stem):
    """The regular verbs in -er: forms, participle, future."""
    return tuple(stem + e for e in ("e", "es", "e", "ons", "ez", "ent")), stem + "é", stem + "er"


def _re(stem):
    return tuple(stem + e for e in ("s", "s", "", "ons", "ez", "ent")), stem + "u", stem + "r"


def _verb(en, infinitive, objects="", past=None, third=None, forms=None, be=False, progressive=True):
    en, _, particle = en.partition(" ")
    if forms is None:
        forms = _er(infinitive[:-2]) if infinitive.endswith("er") else _re(infinitive[:-2])
    past = past or (en + "d" if en.endswith("e") else en + "ed")
    present, participle, future = forms
    return Verb(en, third or en + "s", past, particle, infinitive, present, participle, future, objects, be,
                progressive)


def _forms(present, participle, future):
    return tuple(present.split()), participle, future


VERBS = [
    _verb("see", "voir", "patfxl", "saw", forms=_forms("vois vois voit voyons voyez voient", "vu", "verr"),
          progressive=False),
    _verb("eat", "manger", "f", "ate", forms=_forms("mange manges mange mangeons mangez mangent", "mangé", "manger")),
    _verb("love", "aimer", "patfxl", progressive=False),
    _verb("watch", "regarder", "patl", third="watches"),
    _verb("look for", "chercher", "patfxl"),
    _verb("find", "trouver", "patfxl", "found", progressive=False),
    _verb("take", "prendre", "tfx", "took", forms=_forms("prends prends prend prenons prenez prennent", "pris",
                                                         "prendr")),
    _verb("buy", "acheter", "tfxl", "bought", forms=_forms("achète achètes achète achetons achetez achètent", "acheté",
                                                           "achèter")),
    _verb("sell", "vendre", "tfxl", "sold"),
    _verb("know", "connaître", "pxl", "knew", progressive=False,
          forms=_forms("connais connais connaît connaissons connaissez connaissent", "connu", "connaîtr")),
    _verb("write", "écrire", "x", "wrote", forms=_forms("écris écris écrit écrivons écrivez écrivent", "écrit", "écrir")),
    _verb("hear", "entendre", "pa", "heard", progressive=False),
    _verb("choose", "choisir", "tfxl", "chose",
          forms=_forms("choisis choisis choisit choisissons choisissez choisissent", "choisi", "choisir")),
    _verb("follow", "suivre", "pa", forms=_forms("suis suis suit suivons suivez suivent", "suivi", "suivr")),
    _verb("help", "aider", "pa"),
    _verb("wash", "laver", "atf", third="washes"),
    _verb("draw", "dessiner", "patl", "drew"),
    _verb("hide", "cacher", "tfx", "hid"),
    _verb("break", "casser", "t", "broke"),
    _verb("lose", "perdre", "tx", "lost", progressive=False),
    _verb("sleep", "dormir", past="slept", forms=_forms("dors dors dort dormons dormez dorment", "dormi", "dormir")),
    _verb("work", "travailler"),
    _verb("sing", "chanter", past="sang"),
    _verb("dance", "danser"),
    _verb("run", "courir", past="ran", forms=_forms("cours cours court courons courez courent", "couru", "courr")),
    _verb("wait", "attendre"),
    _verb("laugh", "rire", forms=_forms("ris ris rit rions riez rient", "ri", "rir")),
    _verb("swim", "nager", past="swam", forms=_forms("nage nages nage nageons nagez nagent", "nagé", "nager")),
    _verb("walk", "marcher"),
    _verb("arrive", "arriver", be=True),
    _verb("leave", "partir", past="left", be=True,
          forms=_forms("pars pars part partons partez partent", "parti", "partir")),
    _verb("fall", "tomber", past="fell", be=True),
    _verb("stay", "rester", be=True),
]

AVOIR = ("ai", "as", "a", "avons", "avez", "ont")
ETRE = ("suis", "es", "est", "sommes", "êtes", "sont")
ETAIT = ("étais", "étais", "était", "étions", "étiez", "étaient")
ALLER = ("vais", "vas", "va", "allons", "allez", "vont")
MODALS = {  # English, its third person, its negation needs "do"
    "can": ("can", "can", False, ("peux", "peux", "peut", "pouvons", "pouvez", "peuvent")),
    "must": ("must", "must", False, ("dois", "dois", "doit", "devons", "devez", "doivent")),
    "want": ("want", "wants", True, ("veux", "veux", "veut", "voulons", "voulez", "veulent")),
}
FUTURE_ENDINGS = ("ai", "as", "a", "ons", "ez", "ont")

# English pronoun -> French, index of the person in the tables above, gender, plural
PRONOUNS = {"I": ("je", 0, "m", False), "you": ("tu", 1, "m", False), "he": ("il", 2, "m", False),
            "she": ("elle", 2, "f", False), "we": ("nous", 3, "m", True), "they": ("ils", 5, "m", True)}

POSSESSIVES = {"my": ("mon", "ma", "mes"), "your": ("ton", "ta", "tes"), "his": ("son", "sa", "ses"),
               "her": ("son", "sa", "ses"), "our": ("notre", "notre", "nos"), "their": ("leur", "leur", "leurs")}

PLACES = {"in": ["dans"], "behind": ["derrière"], "near": ["près", "de"], "in front of": ["devant"]}

# English, French, tenses that they go with
TIMES = [("today", "aujourd'hui", ("is", "present", "future", "going")), ("yesterday", "hier", ("past",)),
         ("tomorrow", "demain", ("future", "going")), ("now", "maintenant", ("is", "present", "progressive")),
         ("every day", "chaque jour", ("present",)), ("this morning", "ce matin", ("past",)),
         ("last year", "l'année dernière", ("past",)), ("this evening", "ce soir", ("future", "going"))]
