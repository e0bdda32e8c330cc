"""Small files in the layouts of well-known data sets; their texts are made up."""

import csv
import io
import json
from pathlib import Path

ENGLISH = [
    "the room was clean and the staff was helpful", "we waited for an hour and nobody came to the table",
    "it is a good phone for the price", "the battery is empty after half of the day",
    "not what i ordered and the return was slow", "my favourite place to eat in this town",
]  # fmt: skip
CHINESE = [
    "房间很干净，服务员也热情",
    "等了一个小时还没有上菜",
    "手机屏幕清晰，价格也合适",
    "电池半天就没电了，很失望",
    "发错了货，退款也慢",
    "这个城市里我最喜欢的饭店",
]
ROWS = 120


def english(n: int) -> str:
    return f"{ENGLISH[n % 6]}, on day {n} of {n * 7 % 31}"


def chinese(n: int) -> str:
    return f"{CHINESE[n % 6]}，第{n}天"


def table(header: str, row, separator: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(row(n) for n in range(ROWS))
    return out.getvalue()


def lines(row) -> str:
    return "".join(json.dumps(row(n), ensure_ascii=False) + "\n" for n in range(ROWS))


MOODS = ("negative", "neutral", "positive")
NINE = {
    "reviews.csv": table("id,review,stars", lambda n: (n + 1, english(n), n % 5 + 1)),
    "tweets.csv": table(
        "tweet_id,airline_sentiment,airline_sentiment_confidence,negativereason,airline,name,text,tweet_created",
        lambda n: (
            570306133677760513 + n * 7, MOODS[n % 3], round(0.3 + n % 7 / 10, 4), ("Late Flight", "Bad Flight", "")[n % 3],
            ("United", "Delta")[n % 2], f"user{n}", f"@united {english(n)}", f"2015-02-24 11:{n % 60:02}:52",
        ),
    ),
    "news.tsv": table(
        "category,headline,link",
        lambda n: (("WORLD", "SPORT", "TECH")[n % 3], f"Minister to answer for the {english(n)}", f"https://example.org/{n}"),
        "\t",
    ),
    "hotel.csv": table("label,review", lambda n: (n % 2, chinese(n))),
    "tnews.jsonl": lines(
        lambda n: {"label": str(100 + n % 4), "label_desc": f"news_{'abcd'[n % 4]}", "sentence": chinese(n), "keywords": ""}
    ),
    "新闻.csv": table(
        "编号,标题,正文,分类,发布时间",
        lambda n: (n, f"第{n}条", chinese(n) * 3, ("体育", "财经", "教育")[n % 3], f"2024-03-{n % 28 + 1:02}"),
    ),
    "pairs.tsv": table(
        "id,qid1,qid2,question1,question2,is_duplicate",
        lambda n: (n, 2 * n + 1, 900 - 2 * n, f"how is {english(n)}?", f"why is {english(n + 1)}?", n % 2),
        "\t",
    ),
    "similar.tsv": table(
        "genre,year,old_index,sentence1,sentence2,score",
        lambda n: (("news", "forum")[n % 2], 2012 + n % 4, n, english(n), english(n + 2), round(n % 26 / 5, 2)),
        "\t",
    ),
    "entities.jsonl": lines(
        lambda n: {"id": str(n), "words": ["Ada", "paid", str(n), "euros"], "ner_tags": ["B-PER", "O", "B-SUM", "I-SUM"]}
    ),
}  # fmt: skip
UNDERSTOOD = {
    "reviews.csv": ("text_classification", {"text": "review", "label": "stars"}),
    "tweets.csv": ("text_classification", {"text": "text", "label": "airline_sentiment"}),
    "news.tsv": ("text_classification", {"text": "headline", "label": "category"}),
    "hotel.csv": ("text_classification", {"text": "review", "label": "label"}),
    "tnews.jsonl": ("text_classification", {"text": "sentence", "label": "label"}),
    "新闻.csv": ("text_classification", {"text": "正文", "label": "分类"}),
    "pairs.tsv": ("text_classification", {"text": ["question1", "question2"], "label": "is_duplicate"}),
    "similar.tsv": ("regression", {"text": ["sentence1", "sentence2"], "label": "score"}),
    "entities.jsonl": ("token_classification", {"tokens": "words", "tags": "ner_tags"}),
}


def write(folder: Path, name: str, content: str | None = None) -> str:
    file = folder / name
    file.write_text(NINE[name] if content is None else content, "utf8")
    return str(file)
