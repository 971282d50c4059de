"""Writes packages/tokenization/test/golden/scripts.json: ids of Hugging Face tokenizers for texts in many scripts, code, emoji, control
characters, line ends and long runs. The corpus and the settings are in the fixture, so that the test trains the same tokenizers.

    python tools/parity/tokenization/make_scripts_fixture.py
"""

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BYTES_ONLY = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
PRE_TOKENIZERS = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "llama3": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), BYTES_ONLY]),
}

CORPUS = [
    "All human beings are born free and equal in dignity and rights. They're endowed with reason and conscience.\n",
    "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью.\n",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.\n",
    "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق، وقد وهبوا عقلًا وضميرًا.\n",
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.\n",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। १२३४५\n",
    "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।\n",
    "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.\n",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ\n",
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。\n",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。\n",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.\n",
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.\n",
    "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով:\n",
    "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።\n",
    "def f(x: int) -> int:\n    \"\"\"Doc.\"\"\"\n    if x != 0x1F and not (x >= 1e-3):\n\treturn x ** 2  # why?\n",
    "<div class=\"a\" id='b'>&nbsp;{{ x|safe }}</div>\r\n\r\n\r\n\t\t<!-- 2026-11-21T18:40:00Z -->\r\n",
]

# A text and how often it is repeated. The texts of the corpus are encoded too, before them.
TEXTS = [
    ("👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 🏴\U000e0067\U000e0062\U000e007f ❤️ e\u0301 n\u0303 \u202eRTL\u202c \u200bzero", 1),
    ("\u0000\u0001\u0007\u0008\u001b[31m\u007f\u0080\u0085\u009f\ufeff\ufffd\ufffe\uffff", 1),
    ("one\r\ntwo\rthree\n\n\rfour \r\n five\u2028six\u2029seven\u000beight\u000cnine\u00a0ten\u1680eleven", 1),
    ("IT'S we'Re I'D 'tis ''s 'ſ don\u2019t 'l 'll' 've", 1),
    ("١٢٣٤٥ ⅷ ² ½ 1234567 ㊿ Ⅻ 一二三 1٢3", 1),
    ("x\u0301\u0301 ǅ ʰ ª ﷺ ﬁ 𝒜𝓑 𐐀 Ａ１ ㈱ ꙮ \U0001e900 \U000104b0", 1),
    ("a", 3000),
    (" ", 2999),
    ("\n", 201),
    ("^", 150),
    ("ab", 500),
    ("人人生而自由", 30),
    ("9", 301),
    ("\u0301", 100),
    ("=-", 80),
    (" \t\n", 200),
    ("Antidisestablishmentarianism", 40),
]


def main() -> None:
    out = {"corpus": CORPUS, "texts": TEXTS, "tokenizers": []}
    for name, pre_tokenizer in PRE_TOKENIZERS.items():
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.ByteLevel()
        special = ["<|endoftext|>"]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(CORPUS, trainer)
        ids = [tokenizer.encode(text * times).ids for text, times in [*((text, 1) for text in CORPUS), *TEXTS]]
        out["tokenizers"].append({"preTokenizer": name, "vocabSize": tokenizer.get_vocab_size(), "ids": ids})
    (GOLDEN / "scripts.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")


main()
