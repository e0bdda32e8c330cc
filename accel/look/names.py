"""What names of columns usually mean, in English and Chinese. They decide only among columns whose values suit."""

from __future__ import annotations

import re

from accel.look.columns import Column

LABELS = frozenset(
    {
        "label", "labels", "class", "category", "categories", "target", "sentiment", "polarity", "stars",
        "rating", "ratings", "score", "grade", "y", "topic", "topics", "intent", "emotion", "gold",
        "annotation", "tags", "similarity", "price", "priority", "标签", "类别", "情感", "评分", "分类", "标注",
        "得分", "分数", "星级", "相似度", "意图", "话题", "主题", "价格",
    }
)  # fmt: skip
TEXTS = frozenset(
    {
        "text", "texts", "review", "reviews", "sentence", "content", "comment", "comments", "body", "tweet",
        "message", "post", "document", "headline", "utterance", "description", "abstract", "statement", "query",
        "title", "question", "内容", "评论", "文本", "正文", "句子", "评价", "描述", "留言", "标题", "问题",
        "新闻",
    }
)  # fmt: skip
PAIRS = (
    ("premise", "hypothesis"), ("question", "answer"), ("question", "passage"), ("question", "context"),
    ("question", "sentence"), ("query", "document"), ("query", "passage"), ("query", "title"), ("source", "target"),
    ("claim", "evidence"), ("前提", "假设"), ("问题", "答案"), ("查询", "标题"), ("问题", "回答"),
)  # fmt: skip
ASKING = frozenset({
    "question", "questions", "query", "queries", "anchor", "title", "headline", "问题", "查询", "标题",
})  # fmt: skip
FOUND = frozenset({
    "answer", "answers", "passage", "passages", "positive", "document", "article", "reply", "response", "body", "text",
    "答案", "回答", "回复", "段落", "文档", "正文",
})  # fmt: skip
"""What a query may find."""
READ = frozenset({
    "article", "document", "text", "body", "source", "input", "prompt", "question", "content", "dialogue", "正文",
    "原文", "内容", "输入", "问题",
})  # fmt: skip
WRITTEN = frozenset({
    "title", "headline", "summary", "target", "output", "completion", "answer", "reply", "response", "translation",
    "标题", "摘要", "译文", "输出", "答案", "回答",
})  # fmt: skip
"""What may be written of a text."""
GRADES = frozenset({"relevance", "relevant", "score", "grade", "label", "相关性", "标签", "得分"})
"""How right a passage is, which retrieval does not read."""
RATINGS = frozenset({"rating", "ratings", "stars", "score", "评分", "星级", "打分"})
QUESTIONS = frozenset({"question", "query", "问题"})
CONTEXTS = frozenset(
    {"context", "passage", "paragraph", "document", "article", "abstract", "上下文", "段落", "文章", "原文"}
)
USERS = frozenset(
    {"user", "users", "customer", "member", "reviewer", "visitor", "client", "用户", "顾客", "客户", "会员"}
)
TIMES = frozenset({"time", "timestamp", "date", "datetime", "when", "时间", "日期", "时间戳"})
_NUMBERED = re.compile(r"^(.*?)[_\s-]?([12]|[abAB]|[一二]|[甲乙])$")
_FIRST, _SECOND = frozenset("1aA一甲"), frozenset("2bB二乙")


def names_label(column: Column) -> int:
    """2 where a column is called a label, 1 where the last word of its name is one, 0 otherwise."""
    return _rank(column, LABELS)


def names_text(column: Column) -> int:
    """Likewise of a text."""
    return _rank(column, TEXTS)


def _rank(column: Column, known: frozenset[str]) -> int:
    if column.name.strip().casefold() in known:
        return 2
    return int(bool(column.words) and any(column.words[-1].endswith(word) for word in _ends(column.words[-1], known)))


def _ends(word: str, known: frozenset[str]) -> frozenset[str]:
    """English words are compared whole, Chinese ones by their end."""
    return frozenset({word}) & known if word.isascii() else frozenset(k for k in known if not k.isascii())


def means(column: Column, known: frozenset[str]) -> bool:
    """Whether its name, or the last word of it, is one of these."""
    return _rank(column, known) > 0


def means_user(column: Column) -> bool:
    """Whether a column says who: ``userId``, ``customer``, ``用户编号``."""
    return any(word in USERS or any(word.startswith(u) for u in USERS if not u.isascii()) for word in column.words)


def means_time(column: Column) -> bool:
    """Whether a column says when, as seconds too."""
    return bool(column.words) and column.words[-1] in TIMES


def is_pair(one: Column, other: Column) -> bool:
    """Whether two texts belong together by their names: text_a and text_b, premise and hypothesis."""
    names = (one.name.strip().casefold(), other.name.strip().casefold())
    if names in PAIRS:
        return True
    found = [_NUMBERED.match(column.name.strip()) for column in (one, other)]
    first, second = found
    if first is None or second is None or first[1].casefold() != second[1].casefold():
        return False
    return first[2] in _FIRST and second[2] in _SECOND
