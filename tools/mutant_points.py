"""mutant_points: finds the checks in C++ text and rewrites each so that its number in TENON_MUTANT switches it off.

It reads the text that clang-format makes of our own code, not C++ at large. What becomes a mutant:

  off       a condition that ends in an error (return of an Error, nullopt, false, nullptr; continue), each term of an
            "||" by itself, is taken as not met
  holds     a term of an "&&" that must be met to go on is taken as met, and so is the condition before "return {};" if an
            error follows
  ignored   the error of a TENON_TRY_VOID is dropped
  boundary  "<" taken as "<=", ">=" as ">", and the other way round, inside the conditions above
  not zero  "== 1" taken as "!= 0"
  left out  a statement that later checks rest on (EFFECTS) is not executed
  one side  std::min and std::max of two are the one, or the other
"""
import re
from dataclasses import dataclass

HEADER = "tenon/metadata/mutant.h"
ERROR = re.compile(
    r"continue$|return (Error\{|(\w+\.)?error\(|bad$|bad\(|bad_name\(|std::nullopt$|false$|nullptr$|must_exist\(|"
    r"unknown\(\)|weak\(|fail\(|wrong_kind\(|std::move\(\w+\)\.error\(|progress$|Progress\{\}$)")
# Files whose state decides what later checks see: there an "if" without an error, and these statements, are points too.
EFFECT_FILES = re.compile(r"metadata/(authentic|floors|fresh)\.cc|client/workflow/.*\.cc")
EFFECTS = re.compile(
    r"(?:^[ ]*|\) )((?:raise\(|floors_?\.(?:raise_|forget_stored|learned_under)|floors_ = |stored_under_ = |cached_timestamp_ = |"
    r"at->second = |floor = |waiting_\.clear|visited_\.push_back|confined_to\.push_back|\+\+remote_roots_|"
    r"timestamp = )[^;]*;)", re.MULTILINE)
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
# What a function that answers yes or no returns when it is no "&&".
ANSWER = re.compile(r"(std::ranges::(any_of|all_of)\(|[\w.]+\.(starts_with|contains)\()[^{]*$|[^?{]* [=!]= [^?{]*$")
OPEN, CLOSE = "([{", ")]}"


@dataclass
class Point:
    number: int
    path: str
    line: int
    change: str
    text: str

    def key(self):
        return f"{self.path}: {self.change}: {self.text}"


def masked(text):
    """The text with comments and literals blanked, so that brackets and operators in them are not seen."""
    literal = re.compile(r'//[^\n]*|/\*.*?\*/|R"\(.*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\])+\'', re.DOTALL)
    return literal.sub(lambda found: re.sub(r"[^\n]", "_" if found[0][0] != "/" else " ", found[0]), text)


def closing(mask, at):
    depth = 0
    for i in range(at, len(mask)):
        depth += (mask[i] in OPEN) - (mask[i] in CLOSE)
        if depth == 0:
            return i
    raise ValueError("brackets do not match")


def statement_end(mask, at):
    """The semicolon of the statement that starts at `at`."""
    while mask[at] != ";":
        at = closing(mask, at) + 1 if mask[at] in OPEN else at + 1
    return at


def split(mask, begin, end, separator):
    """The spans between the separators that stand outside all brackets."""
    spans, start, i = [], begin, begin
    while i < end:
        if mask[i] in OPEN:
            i = closing(mask, i) + 1
        elif mask.startswith(separator, i):
            spans.append((start, i))
            start = i = i + len(separator)
        else:
            i += 1
    return spans + [(start, end)]


class Instrumenter:
    def __init__(self, path, text, first_number):
        self.path, self.text, self.mask = path, text, masked(text)
        self.first_number, self.points, self.edits = first_number, [], []

    def run(self):
        for found in re.finditer(r"\bif \(", self.mask):
            self.at_if(found.end() - 1)
        for found in re.finditer(r"\w =\s(?=[^;]*&&)", self.mask):
            end = statement_end(self.mask, found.end())
            if len(split(self.mask, found.end(), end, "&&")) > 1:
                self.edit(found.end(), end, self.admitting)
        for found in re.finditer(r"\breturn (?=[^;]*[&|<>?=(])", self.mask):
            self.at_return(found.end(), statement_end(self.mask, found.end()))
        for found in re.finditer(r"\bTENON_TRY_VOID\(", self.mask):
            self.at_try_void(found.end() - 1)
        if EFFECT_FILES.fullmatch(self.path):
            for found in EFFECTS.finditer(self.mask):
                self.edit(*found.span(1), lambda b, e: f"if (!{self.point(b, e, 'left out')}) {{ {self.slice(b, e)} }}")
            for found in re.finditer(r"\bstd::(min|max)\(", self.mask):
                self.at_extreme(found.start(), found.end() - 1)
        return self.rewritten()

    def rewritten(self):
        text = self.text
        for begin, end, new in sorted(self.edits, reverse=True):
            text = text[:begin] + new + text[end:]
        # #line keeps the numbers of the original in what compilers and failed checks print.
        return f"#include <{HEADER}>\n#line 1 \"{self.path}\"\n{text}" if self.points else self.text

    def slice(self, begin, end):
        return self.text[begin:end].strip()

    def point(self, begin, end, change):
        number = self.first_number + len(self.points)
        text = " ".join(self.slice(begin, end).split())
        self.points.append(Point(number, self.path, self.text.count("\n", 0, begin) + 1, change, text))
        return f"::tenon::mutants::on({number})"

    def overlaps(self, begin, end):
        return any(begin < other_end and other_begin < end for other_begin, other_end, _ in self.edits)

    def edit(self, begin, end, make):
        if self.overlaps(begin, end):
            return
        while self.mask[begin].isspace():
            begin += 1
        self.edits.append((begin, end, make(begin, end)))

    def at_if(self, opening):
        close = closing(self.mask, opening)
        begin, end = split(self.mask, opening + 1, close, ";")[-1]
        if re.search(r"[^=!<>]=[^=]", self.mask[begin:end]):
            return  # a declaration: it finds out what a value is, and is no check
        polarity = self.polarity_of_if(close + 1)
        if polarity == "error":
            self.edit(begin, end, self.refusing)
        elif polarity == "answer":
            self.edit(begin, end, lambda b, e: f"!{self.point(b, e, 'off')} && {self.admitting(b, e)}")
        elif polarity == "good" or len(split(self.mask, begin, end, "&&")) > 1:
            self.edit(begin, end, self.admitting)
        elif EFFECT_FILES.fullmatch(self.path):
            self.edit(begin, end, self.refusing)

    def polarity_of_if(self, at):
        while self.mask[at].isspace():
            at += 1
        if self.mask.startswith("[[", at):
            return self.polarity_of_if(closing(self.mask, at) + 1)
        if self.mask[at] == "{":
            after = closing(self.mask, at) + 1
            statements = split(self.mask, at + 1, after - 1, ";")
            begin, end = statements[-2] if len(statements) > 1 else statements[0]
        else:
            begin, end = at, statement_end(self.mask, at)
            after = end + 1
        last = self.slice(begin, end)
        if last == "return {}":
            following = self.slice(after, statement_end(self.mask, after))
            return "" if not following.startswith("return ") else "good" if ERROR.match(following) else "error"
        if last == "return true":
            return "answer"
        return "error" if ERROR.match(last) else ""

    def at_return(self, begin, end):
        if self.overlaps(begin, end):
            return
        parts = split(self.mask, begin, end, " ? ")
        if len(parts) == 2:
            condition, (rest_begin, rest_end) = parts
            outcomes = split(self.mask, rest_begin, rest_end, " : ")
            if self.slice(*outcomes[0]).startswith("fail("):
                self.edit(*condition, self.refusing)
            elif self.slice(*outcomes[-1]) in ("0", "false", "nullptr"):
                self.edit(*condition, self.admitting)
            return
        alternatives = split(self.mask, begin, end, "||")
        if len(alternatives) == 2 and self.slice(*alternatives[1]).startswith("fail("):
            self.edit(*alternatives[0], self.admitting)
        elif len(split(self.mask, begin, end, "&&")) > 1 or ANSWER.match(self.slice(begin, end)):
            self.edit(begin, end, self.admitting)
        elif len(self.comparisons(begin, end)) == 1:
            self.edit(begin, end, self.inside)

    def at_try_void(self, opening):
        close = closing(self.mask, opening)
        inner = self.slice(opening + 1, close)
        self.edit(opening + 1, close,
                  lambda b, e: f"::tenon::mutants::unless({self.point(b, e, 'ignored')}, {inner})")

    def at_extreme(self, begin, opening):
        close = closing(self.mask, opening)
        arguments = [self.slice(*span) for span in split(self.mask, opening + 1, close, ",")]
        if len(arguments) == 2:
            self.edit(begin, close + 1, lambda b, e: (
                f"({self.point(b, e, 'left side')} ? {arguments[0]} : {self.point(b, e, 'right side')} ? {arguments[1]} : "
                f"{self.slice(b, e)})"))

    def refusing(self, begin, end):
        """A condition that leads to an error: each term of an "||" can be switched off."""
        return " || ".join(f"(!{self.point(*term, 'off')} && ({self.inside(*term, self.refusing, '||')}))"
                           for term in split(self.mask, begin, end, "||"))

    def admitting(self, begin, end):
        """A condition that must be met to go on: each term of an "&&" can be taken as met."""
        terms = split(self.mask, begin, end, "&&")
        return " && ".join(
            self.slice(*term) if re.match(r"(add|place)\(", self.slice(*term)) else
            f"({self.point(*term, 'holds')} || ({self.inside(*term, self.admitting, '&&')}))" for term in terms)

    def inside(self, begin, end, loosen=None, loosened=None):
        """A term: brackets around it are opened, and a comparison gets its other boundary."""
        for operator in ("||", "&&"):
            terms = split(self.mask, begin, end, operator)
            if len(terms) > 1:
                if operator == loosened:
                    return loosen(begin, end)
                return f" {operator} ".join(self.inside(*term, loosen, loosened) for term in terms)
        text = self.slice(begin, end)
        at = self.text.index(text, begin)
        if text.startswith("(") and closing(self.mask, at) == at + len(text) - 1:
            return "(" + self.inside(at + 1, at + len(text) - 1, loosen, loosened) + ")"
        if text.endswith(" == 1"):
            return f"({self.point(begin, end, 'not zero')} ? ({text[:-1].replace(' == ', ' != ')}0) : ({text}))"
        found = self.comparisons(begin, end)
        if len(found) != 1 or re.search(r" [=!]= | \? ", self.mask[begin:end]):
            return text
        left, right = self.slice(begin, begin + found[0].start()), self.slice(begin + found[0].end(), end)
        operator = found[0][1]
        number = self.point(begin, end, "boundary")
        return f"({number} ? ({left} {BOUNDARY[operator]} {right}) : ({left} {operator} {right}))"

    def comparisons(self, begin, end):
        """What compares outside brackets: clang-format puts a blank on either side of it, and none beside a template's."""
        return [found for found in re.finditer(r" ([<>]=?) ", self.mask[begin:end])
                if self.outside_brackets(begin, found.start())]

    def outside_brackets(self, begin, length):
        piece = self.mask[begin:begin + length]
        return all(piece.count(o) == piece.count(c) for o, c in zip(OPEN, CLOSE))


# What the copy is built with besides. A test notes the checks that it passes through: the loss of others it cannot notice.
SWITCH_HEADER = """#pragma once
#include <tenon/metadata/result.h>
#include <string>
#include <type_traits>
namespace tenon::mutants {
bool chosen(int number);
constexpr bool on(int number) { return !std::is_constant_evaluated() && chosen(number); }
template <class T>
Result<void> unless(bool switched_off, Result<T> result) {
  if (switched_off || result) return {};
  return std::move(result).error();
}
std::string take_reached();
}  // namespace tenon::mutants
"""

SWITCH_SOURCE = """#include <tenon/metadata/mutant.h>
#include <cstdlib>
namespace tenon::mutants {
namespace {
bool reached[%(count)d + 1];
}  // namespace
bool chosen(int number) {
  static const char* const text = std::getenv("TENON_MUTANT");
  static const int wanted = text ? std::atoi(text) : -1;
  reached[number] = true;
  return number == wanted;
}
std::string take_reached() {
  std::string numbers;
  for (int i = 0; i < %(count)d; ++i) {
    if (reached[i]) numbers += " " + std::to_string(i);
    reached[i] = false;
  }
  return numbers;
}
}  // namespace tenon::mutants
"""

TEST_MAIN = """#include <tenon/metadata/digest.h>
#include <tenon/metadata/mutant.h>
#include <fstream>
#include <gtest/gtest.h>
class Recorder : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo& test) override {
    file_ << test.test_suite_name() << '.' << test.name() << ' ' << test.result()->elapsed_time()
          << tenon::mutants::take_reached() << '\\n';
  }
 private:
  std::ofstream file_{std::getenv("TENON_MUTANTS_REACHED")};
};
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  tenon::init_crypto();
  if (std::getenv("TENON_MUTANTS_REACHED")) testing::UnitTest::GetInstance()->listeners().Append(new Recorder);
  return RUN_ALL_TESTS();
}
"""
