"""A grammar that says the same thing in English and in French, and knows which words belong together.

`Grammar(seed).sentence()` gives a Sentence. French agrees in gender and number, puts its adjectives where they
belong, contracts (du, des, l', qu') and negates (ne ... pas, ne ... pas de).
"""

import random
from dataclasses import dataclass, field

from lexicon import (ADJECTIVES, ALLER, AVOIR, ETAIT, ETRE, FUTURE_ENDINGS, MODALS, NAMES, NOUNS, PLACES, POSSESSIVES,
                     PRONOUNS, TIMES, VERBS)

VOWELS = "aeiouyhâàéèêîôûœ"


def starts_with_vowel(word):
    return word[0].lower() in VOWELS


@dataclass(eq=False)
class Word:
    """An English word; French ones point to it. `kind`: noun, name, adjective, verb, or "" for what has no twin."""

    text: str
    kind: str = ""


@dataclass
class Phrase:
    en: list = field(default_factory=list)  # of Word
    fr: list = field(default_factory=list)  # of (text, Word or None)
    person: int = 2  # row in the conjugation tables
    gender: str = "m"
    plural: bool = False
    kind: str = ""  # what it is made of, for counting types of sentences

    def add(self, other):
        self.en += other.en
        self.fr += other.fr
        self.kind += other.kind
        return self

    def say(self, en, fr, kind=""):
        """Words without a known twin on the other side, or one word with one."""
        words = [Word(text, kind) for text in en.split()]
        self.en += words
        twin = words[-1] if kind and words else None
        self.fr += [(text, twin) for text in (fr.split() if isinstance(fr, str) else fr)]
        return self


@dataclass
class Sentence:
    en: str
    fr: str
    pairs: list  # (English word, French word, kind); words are counted from 0 between spaces
    kind: str


def contract(tokens):
    """French words between spaces with their twins, with elisions and contractions: [(text, [Word])]."""
    out, prefix, twins = [], "", []
    tokens = list(tokens)
    i = 0
    while i < len(tokens):
        text, twin = tokens[i]
        following = tokens[i + 1][0] if i + 1 < len(tokens) else ""
        after = tokens[i + 2][0] if i + 2 < len(tokens) else ""
        twins = twins + ([twin] if twin is not None else [])
        if text == "de" and following == "les":
            text, i = "des", i + 1
        elif text == "de" and following == "le" and not starts_with_vowel(after):
            text, i = "du", i + 1
        elif text in ("le", "la", "ne", "de", "que", "je") and following and starts_with_vowel(following):
            prefix, i = prefix + text[:-1] + "'", i + 1
            continue
        out.append((prefix + text, twins))
        prefix, twins, i = "", [], i + 1
    return out


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(list(items))

    # Noun phrases

    def determiner(self, name, gender, plural, following, negated):
        """French for "the", "a", "some", ..., in front of the word `following`."""
        row = 2 if plural else int(gender == "f")
        vowel = starts_with_vowel(following)
        if name == "the":
            return ("le", "la", "les")[row]
        if name in ("a", "some"):
            return "de" if negated else ("un", "une", "des")[row]
        if name in ("this", "these"):
            return "cet" if row == 0 and vowel else ("ce", "cette", "ces")[row]
        if name in POSSESSIVES:
            return POSSESSIVES[name][0 if row == 1 and vowel else row]
        return {"two": "deux", "three": "trois", "every": "chaque"}[name]

    def adjectives(self, group):
        fitting = [a for a in ADJECTIVES if group in a.groups]
        before = [a for a in fitting if a.before]
        after = [a for a in fitting if not a.before]
        draw = self.random.random()
        if draw < 0.62:
            return []
        if draw < 0.92 or not before or not after:
            return [self.pick(fitting)]
        return [self.pick(before), self.pick(after)]

    def noun_phrase(self, groups, negated=False, depth=0):
        noun = self.pick([n for n in NOUNS if n.group in groups])
        plural = self.chance(0.35)
        names = ["the"] * 4 + list(POSSESSIVES)
        names += ["these", "some", "some", "two", "three"] if plural else ["this", "a", "a", "a", "every"]
        name = self.pick(names)
        en_noun, fr_noun = noun.forms(plural)
        word = Word(en_noun, "noun")
        chosen = [(a, Word(a.en, "adjective")) for a in self.adjectives(noun.group)]
        fr = [(fr_noun, word)]
        for adjective, twin in reversed(chosen):
            if adjective.before:
                vowel = starts_with_vowel(fr[0][0])
                fr.insert(0, (adjective.agree(noun.gender, plural, vowel), twin))
            else:
                fr.append((adjective.agree(noun.gender, plural), twin))
        # "some" is "de" in front of an adjective, too.
        is_of = name == "some" and any(a.before for a, _ in chosen)
        determiner = "de" if is_of else self.determiner(name, noun.gender, plural, fr[0][0], negated)
        phrase = Phrase([Word(name)] + [twin for _, twin in chosen] + [word], [(determiner, None)] + fr,
                        5 if plural else 2, noun.gender, plural, f"[{name}{len(chosen)}{'s' if plural else ''}]")
        if depth == 0 and self.chance(0.12):
            return self.possessed(phrase, name)
        if depth == 0 and noun.group in "pa" and not negated and self.chance(0.07):
            verb = self.pick([v for v in VERBS if v.objects])
            phrase.say("that", "qui").add(self.finite(verb, phrase, "present", ""))
            phrase.add(self.noun_phrase(verb.objects, depth=1))
            phrase.kind += "that"
        return phrase

    def possessed(self, phrase, name):
        """"the girl's cat" for "le chat de la fille"."""
        owner = self.proper_noun() if self.chance(0.3) else self.noun_phrase("p", depth=1)
        if owner.en[0].text in ("some", "a", "every") or owner.plural:
            return phrase
        if name != "the":
            return phrase
        last = owner.en[-1]
        last.text += "'s"
        phrase.en = owner.en + phrase.en[1:]
        phrase.fr = phrase.fr + [("de", None)] + owner.fr
        phrase.kind += "of" + owner.kind
        return phrase

    def proper_noun(self):
        name, gender = self.pick(NAMES)
        word = Word(name, "name")
        return Phrase([word], [(name, word)], 2, gender, False, "[name]")

    def subject(self):
        draw = self.random.random()
        if draw < 0.22:
            name = self.pick(PRONOUNS)
            fr, person, gender, plural = PRONOUNS[name]
            return Phrase([Word(name)], [(fr, None)], person, gender, plural, "[pronoun]")
        if draw < 0.34:
            return self.proper_noun()
        if draw < 0.44:
            first, second = self.noun_phrase("pa", depth=1), self.noun_phrase("pa", depth=1)
            gender = "f" if first.gender == second.gender == "f" else "m"
            joined = Phrase([], [], 5, gender, True).add(first).say("and", "et").add(second)
            return joined
        return self.noun_phrase("pa")

    # Verbs

    def english_be(self, subject):
        if subject.en[0].text == "I" and len(subject.en) == 1:
            return "am"
        return "are" if subject.plural or subject.person == 1 else "is"

    def finite(self, verb, subject, tense, polarity):
        """The verb with what belongs to it, after its subject. polarity: "", "not" or "never"."""
        phrase = Phrase(kind=f"({tense}{polarity})")
        third = subject.person == 2
        main = Word(verb.en, "verb")
        closing = {"": [], "not": [("pas", None)], "never": [("jamais", None)]}[polarity]
        opening = [("ne", None)] if polarity else []
        be = self.english_be(subject)
        plain = {"present": ("do", "does"), "past": ("did", "did"), "want": ("do", "does")}
        if tense in ("present", "past") and polarity != "not":
            main.text = verb.past if tense == "past" else verb.third if third else verb.en
            helpers = [polarity] if polarity else []
        elif tense in ("present", "past"):
            helpers = [plain[tense][third], "not"]
        elif tense == "progressive":
            main.text, helpers = verb.ing, [be] + ([polarity] if polarity else [])
        elif tense == "future":
            helpers = ["will"] + ([polarity] if polarity else [])
        elif tense == "going":
            helpers = [be] + ([polarity] if polarity else []) + ["going", "to"]
        else:
            base, with_s, needs_do, _ = MODALS[tense]
            finite = [with_s if third else base]
            if needs_do:
                helpers = [plain[tense][third], "not", base, "to"] if polarity == "not" else (
                    ([polarity] if polarity else []) + finite + ["to"])
            else:
                helpers = finite + ([polarity] if polarity else [])
        phrase.en = [Word(text) for text in helpers] + [main]
        phrase.en += [Word(verb.particle)] if verb.particle else []
        phrase.fr = opening + self.conjugated(verb, subject, tense, closing, main)
        return phrase

    def conjugated(self, verb, subject, tense, closing, main):
        person = subject.person
        if tense in ("present", "progressive"):
            return [(verb.present[person], main)] + closing
        if tense == "future":
            return [(verb.future + FUTURE_ENDINGS[person], main)] + closing
        if tense == "past":
            agreed = verb.participle
            if verb.with_be:
                agreed += ("e" if subject.gender == "f" else "") + ("s" if subject.plural else "")
            return [((ETRE if verb.with_be else AVOIR)[person], None)] + closing + [(agreed, main)]
        table = ALLER if tense == "going" else MODALS[tense][3]
        return [(table[person], None)] + closing + [(verb.infinitive, main)]

    def tense_for(self, verb):
        tenses = ["present"] * 3 + ["past"] * 3 + ["future", "future", "going", "can", "must", "want"]
        return self.pick(tenses + (["progressive"] * 2 if verb.progressive else []))

    def place(self):
        en = self.pick(PLACES)
        return Phrase(kind="{place}").say(en, PLACES[en]).add(self.noun_phrase("l", depth=1))

    # Clauses: each gives a phrase and its tense

    def action(self, subject=None):
        subject = subject or self.subject()
        verb = self.pick(VERBS)
        tense = self.tense_for(verb)
        polarity = self.pick(["", "", "", "not", "not" if tense != "past" else "never"])
        clause = Phrase(subject.en[:], subject.fr[:], kind=subject.kind)
        clause.add(self.finite(verb, subject, tense, polarity))
        if verb.objects:
            clause.add(self.noun_phrase(verb.objects, negated=polarity != ""))
        if self.chance(0.45 if not verb.objects else 0.18):
            clause.add(self.place())
        return clause, tense

    def state(self):
        subject = self.subject()
        animate = subject.kind.startswith(("[pronoun", "[name"))
        groups = "pa" if animate or self.chance(0.5) else "patfxl"
        if not animate and groups != "pa":
            group = self.pick("tfxl")
            subject = self.noun_phrase(group)
            adjectives = [a for a in ADJECTIVES if group in a.groups]
        else:
            adjectives = [a for a in ADJECTIVES if "p" in a.groups and "a" in a.groups]
        negated = self.chance(0.3)
        was = self.chance(0.25)
        be = self.english_be(subject)
        clause = Phrase(subject.en[:], subject.fr[:], kind=subject.kind + ("(was)" if was else "(is)"))
        verb = ("were" if be == "are" else "was") if was else be
        table = ETAIT if was else ETRE
        fr = ["ne"] * negated + [table[subject.person]] + ["pas"] * negated
        clause.say(verb + " not" * negated, fr)
        comparing = [a for a in adjectives if a.comparative and a.en != "good"]
        if comparing and self.chance(0.3):
            adjective = self.pick(comparing)
            clause.say("", "plus").say(adjective.comparative, adjective.agree(subject.gender, subject.plural), "adjective")
            clause.say("than", "que").add(self.noun_phrase("pa", depth=1) if adjective.groups[0] == "p"
                                         else self.noun_phrase(adjective.groups[0], depth=1))
            clause.kind += "(than)"
        else:
            adjective = self.pick(adjectives)
            if self.chance(0.2):
                clause.say("very", "très")
            clause.say(adjective.en, adjective.agree(subject.gender, subject.plural), "adjective")
        return clause, "was" if was else "is"

    def existence(self):
        thing = self.noun_phrase("patfx", depth=1)
        while thing.en[0].text not in ("a", "some", "two", "three"):
            thing = self.noun_phrase("patfx", depth=1)
        clause = Phrase(kind="(there)").say("there are" if thing.plural else "there is", "il y a")
        return clause.add(thing).add(self.place()), "there"

    def clause(self):
        draw = self.random.random()
        if draw < 0.68:
            return self.action()
        return self.state() if draw < 0.92 else self.existence()

    # Sentences

    def question(self):
        """"Does the cat see ...?" for "Est-ce que le chat voit ... ?"."""
        subject = self.subject()
        verb = self.pick(VERBS)
        tense = self.pick(["present", "present", "past", "future", "can", "progressive" if verb.progressive else "past"])
        said = self.finite(verb, subject, tense, "")
        main = next(word for word in said.en if word.kind == "verb")
        third = subject.person == 2
        helper = {"present": "does" if third else "do", "past": "did", "future": "will", "can": "can",
                  "progressive": self.english_be(subject)}[tense]
        main.text = verb.ing if tense == "progressive" else verb.en
        asked = self.pick([("", ""), ("", ""), ("why", "pourquoi"), ("when", "quand"), ("where", "où")])
        if asked[0] == "where" and verb.en in ("see", "leave"):
            asked = ("why", "pourquoi")
        out = Phrase(kind=f"?{asked[0]}").say(f"{asked[0]} {helper}", f"{asked[1]} est-ce que").add(subject)
        out.en += [main] + ([Word(verb.particle)] if verb.particle else [])
        out.fr += said.fr
        out.kind += said.kind
        if verb.objects:
            out.add(self.noun_phrase(verb.objects, depth=1))
        elif asked[0] != "where" and self.chance(0.4):
            out.add(self.place())
        return out, "?"

    def command(self):
        verb = self.pick([v for v in VERBS if v.objects and v.en not in ("see", "know", "hear", "lose", "love")])
        negated = self.chance(0.35)
        main = Word(verb.en, "verb")
        out = Phrase([Word("do"), Word("not")] * negated + [main], kind="!not" if negated else "!")
        out.en += [Word(verb.particle)] if verb.particle else []
        out.fr = [("ne", None)] * negated + [(verb.present[4], main)] + [("pas", None)] * negated
        return out.add(self.noun_phrase(verb.objects, negated=negated, depth=1)), "!"

    def statement(self):
        clause, tense = self.clause()
        draw = self.random.random()
        times = [(en, fr) for en, fr, tenses in TIMES if tense in tenses]
        if draw < 0.2 and times:
            en, fr = self.pick(times)
            time = Phrase(kind="<time>").say(en, fr)
            if self.chance(0.5):
                time.en[-1].text += ","
                time.fr[-1] = (time.fr[-1][0] + ",", None)
                return time.add(clause), "."
            return clause.add(time), "."
        if draw < 0.3:
            other, _ = self.clause()
            en, fr = self.pick([("because", "parce que"), ("and", "et"), ("but", "mais")])
            return clause.say(en, fr).add(other), "."
        return clause, "."

    def sentence(self):
        draw = self.random.random()
        phrase, end = self.statement() if draw < 0.78 else self.question() if draw < 0.92 else self.command()
        for word, following in zip(phrase.en, phrase.en[1:]):
            if word.text == "a" and following.text[0] in "aeiou":
                word.text = "an"
        en = " ".join(word.text for word in phrase.en)
        words = contract(phrase.fr)
        fr = " ".join(text for text, _ in words)
        index = {id(word): i for i, word in enumerate(phrase.en)}
        pairs = [(index[id(twin)], i, twin.kind) for i, (_, twins) in enumerate(words) for twin in twins]
        space = "" if end == "." else " "
        return Sentence(en[0].upper() + en[1:] + end, fr[0].upper() + fr[1:] + space + end, pairs, phrase.kind + end)
