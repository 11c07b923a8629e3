"""
Help in Chinese: models, conversations, keys, logs, metrics and the mock.  As `zh_help`, by the English sentence.
"""

from __future__ import annotations

from typing import Final

CARE: Final = {
    # models
    "Ask each model for one word, and say how long it took or what is wrong.": (
        "向每个模型要一个词，说明用时或问题所在。"
    ),
    "Ask the provider which models it has now.": "询问服务商现在有哪些模型。",
    "By what; cheapest, largest first.": "按什么排序；最便宜、最大的在前。",
    "Gone, or soon: 90 days.": "已停用，或即将停用：90 天内。",
    "List models: those of a provider, if the first of WORDS names one, and those whose name has the other WORDS.": (
        "列出模型：若 WORDS 的第一个是服务商，则列出它的模型；其余 WORDS 须出现在名称中。"
    ),
    "Longest time for each call (30).": "每次调用的最长时间（30）。",
    "Neither a million tokens in nor out costs more.": "每百万词元的输入和输出都不贵于此。",
    "Only models of this kind.": "只看这一类模型。",
    "Only models that can do these: tools,images,pdf,reasoning...": (
        "只看具备这些能力的模型：tools,images,pdf,reasoning..."
    ),
    "Only this provider.": "只看这个服务商。",
    "Say who would be asked and what it costs at most, and send nothing.": ("说明会问哪些模型、最多花费多少，不发送。"),
    "Show all that is known of a model: limits, abilities, effort levels, prices by tier and length.": (
        "显示模型的全部资料：限制、能力、思考强度、按档位和长度的价格。"
    ),
    "They can read this much: 200k, 1M.": "能读这么多：200k、1M。",
    "Without REFS: the default model of each provider whose key is found, and the first of each server "
    "on this machine. The exit code is 0 if all answer, else that of the first failure.": (
        "没有 REFS 时：每个找到密钥的服务商的默认模型，以及本机每个服务器的第一个模型。全部回答时退出码为 0，否则"
        "为第一个失败的退出码。"
    ),
    "Without words and filters it lists the providers, where their keys come from, and the models of "
    "servers on this machine. Prices are US dollars per million tokens.": (
        "没有文字和筛选条件时，列出服务商、密钥的来源，以及本机服务器的模型。价格为每百万词元的美元数。"
    ),
    # conv
    "Add what is in FILE (or - for standard input) to the conversation NAME, which is begun if there is none.": (
        "把 FILE（- 表示标准输入）的内容加入对话 NAME；没有此对话时新建。"
    ),
    "All of the tenant, or with --owner all of one owner.": ("该租户的全部对话；用 --owner 时为一个所有者的全部对话。"),
    "Delete conversations whose time is over, and what broken streams left behind.": (
        "删除已到期的对话，以及中断的流留下的内容。"
    ),
    "Delete conversations with all their branches, so that nothing of them is left in the store.": (
        "删除对话及其所有分支，存储中不留任何内容。"
    ),
    "Erase those that did not change for so long, too.": "也删除这么久没有变化的对话。",
    "How many places at most.": "最多显示几处。",
    "How.": "格式。",
    "Id of the turn after which it goes on; the last by default.": ("从哪一轮之后继续（标识）；默认为最后一轮。"),
    "Keep the conversation NAME so long after its last change: 30m, 2h, 90d; or `forever`.": (
        "对话 NAME 在最后一次变化后保留多久：30m、2h、90d；或 `forever`。"
    ),
    "Make another branch of the conversation NAME, which shares what was said until then. Copies nothing.": (
        "为对话 NAME 另开一个分支，共享此前的内容。不复制任何内容。"
    ),
    "Only so many messages, the last.": "只显示最后这么多条消息。",
    "Seal the keys of encrypted conversations with the first --encryption key; give the older ones behind it.": (
        "用第一个 --encryption 密钥重新加密各对话的密钥；旧密钥写在它之后。"
    ),
    "Show what was said in the conversation NAME, its branches, and turns that have no answer.": (
        "显示对话 NAME 的内容、分支，以及没有回答的轮次。"
    ),
    "Show where all WORDS were said in one message. Every conversation is read, on its main branch.": (
        "显示哪些消息含有全部 WORDS。读取每个对话的主分支。"
    ),
    "Take the last turn out of the history of NAME. It stays in the tree: a fork at its id finds it.": (
        "从 NAME 的历史中去掉最后一轮。它仍在树中：以其标识分叉即可找到。"
    ),
    "The receipt as JSON.": "以 JSON 输出回执。",
    "They are in one file of this user's (`dragoman conv path`), or where --store or DRAGOMAN_STORE "
    "says: sqlite:///path.db, postgresql://..., redis://...": (
        "对话在当前用户的一个文件中（`dragoman conv path`），或由 --store 或 DRAGOMA"
        "N_STORE 指定：sqlite:///path.db、postgresql://...、redis://.."
        "."
    ),
    "Write the conversation NAME to standard output.": "把对话 NAME 写到标准输出。",
    # keys
    "A key is stored in the system's keyring, or where there is none in an encrypted file. The "
    "environment outranks what is stored.": (
        "密钥保存在系统钥匙串中，没有钥匙串时保存在加密文件中。环境变量优先于已保存的密钥。"
    ),
    "Ask each provider for its list of models, with its key. Without PROVIDER: all that have one.": (
        "用各服务商的密钥询问它的模型列表。没有 PROVIDER 时：所有有密钥的服务商。"
    ),
    "It costs nothing. A few providers give the list to everybody, whatever the key.": (
        "不产生费用。少数服务商不管密钥如何都会给出列表。"
    ),
    "Replace keys that are stored already.": "替换已经保存的密钥。",
    "Store the keys that FILE (a .env file; ./.env without one) or the environment holds.": (
        "保存 FILE（.env 文件；不给出则为 ./.env）或环境变量中的密钥。"
    ),
    "Take them from the environment.": "从环境变量中取。",
    "The file stays as it is: remove the keys from it when they are found where they are now.": (
        "文件保持不变：确认密钥能在新位置找到后，请从文件中删除。"
    ),
    "Where to keep them; by default what there is.": "保存在哪里；默认取可用的。",
    # logs
    "Add up calls, failures, tokens, US dollars and mean seconds.": "汇总调用、失败、词元、美元和平均秒数。",
    "All calls.": "所有调用。",
    "Calls that are older: 30m, 2h, 90d.": "早于此的调用：30m、2h、90d。",
    "Go on until Ctrl-C.": "持续显示，直到 Ctrl-C。",
    "How many to begin with.": "开始时显示多少。",
    "Numbers and names only, no texts.": "只记录数字和名称，不记录文本。",
    "Remove calls that are older; 0 keeps them.": "删除更早的调用；0 表示保留。",
    "Remove calls. The file keeps its size; its room is used again.": ("删除调用。文件大小不变；空间会重复使用。"),
    "Remove the oldest beyond this.": "超出此大小时删除最早的。",
    "Show one call: by its ID, or the beginning of it; without one, the last.": (
        "显示一次调用：按 ID 或其开头；不给出则为最后一次。"
    ),
    "Show the last calls that have all WORDS in the question or the answer; words may be parts of words.": (
        "显示问题或回答中含有全部 WORDS 的最近调用；可以只是词的一部分。"
    ),
    "Show the last calls, one line each; with -f also those that come.": (
        "每行显示一次最近的调用；用 -f 时也显示新到的。"
    ),
    "The oldest, until the rest takes no more.": "从最早的删起，直到其余不超过此大小。",
    "Write calls to standard output, oldest first, one JSON object per line.": (
        "把调用写到标准输出，最早的在前，每行一个 JSON 对象。"
    ),
    # metrics
    "Address to serve at.": "提供服务的地址。",
    "Print, or serve, the metrics of all processes that share a directory.": (
        "输出或提供共用一个目录的所有进程的指标。"
    ),
    "Serve them here until Ctrl-C; 0 for any port that is free.": (
        "在此端口提供服务，直到 Ctrl-C；0 表示任一空闲端口。"
    ),
    "Show which metrics there are, and end.": "列出有哪些指标，然后结束。",
    "Where processes write.": "各进程写入的位置。",
    "With --list: as JSON.": "与 --list 一起：输出 JSON。",
    # mock
    "Addresses, or faults, as JSON.": "以 JSON 输出地址或故障。",
    "Only the first N requests fail.": "只有前 N 个请求失败。",
    "Only this dialect's address; an error if the fault cannot happen in it.": (
        "只给出这种协议的地址；若该故障不会在其中发生则报错。"
    ),
    "Serve a provider on 127.0.0.1 until Ctrl-C, in every dialect, with faults.": (
        "在 127.0.0.1 上以各种协议模拟服务商（可带故障），直到 Ctrl-C。"
    ),
    "Show all faults, and end.": "列出所有故障，然后结束。",
    "What goes wrong; without it the last user text is repeated.": ("出什么故障；不给出时重复用户的最后一段文本。"),
    "Where to listen.": "监听的端口。",
}
