"""
Help in Chinese, by the English sentence.

A paragraph or an option's words that are not here are shown in English, so a new option needs no entry to work.
"""

from __future__ import annotations

from typing import Final

from dragoman.cli.words.zh_help_care import CARE
from dragoman.cli.words.zh_help_work import WORK

HELP: Final = {
    **WORK,
    **CARE,
    # what all of them share
    "One JSON array.": "输出一个 JSON 数组。",
    "One JSON object.": "输出一个 JSON 对象。",
    "One JSON object per line.": "每行输出一个 JSON 对象。",
    "Show this message and exit.": "显示此帮助并退出。",
    "Instructions for the model.": "给模型的指令。",
    "Setting, such as temperature=0.2.": "设置，例如 temperature=0.2。",
    "How many.": "数量。",
    "Do not ask.": "不再询问。",
    "Only say what would be erased.": "只说明将删除什么。",
    "What is added up.": "按什么汇总。",
    "Only models whose name has this.": "只看名称中含有此文字的模型。",
    "No older than this: 30m, 2h, 7d.": "不早于：30m、2h、7d。",
    "No older than this: 30m, 24h, 7d.": "不早于：30m、24h、7d。",
    "Print where the file is, whether it is there or not.": "输出文件的位置，无论它是否存在。",
    # the program
    "Ask any language model.": "向任何语言模型提问。",
    "Exit codes: 0 ok, 1 error, 2 usage, 3 no model or credentials, 4 rate or budget limit, 5 provider or network, "
    "6 answer is not what was asked for, 7 some rows of a batch failed, 130 interrupted.": (
        "退出码：0 成功，1 错误，2 用法错误，3 没有模型或凭据，4 速率或预算限制，5 服务商或网络，"
        "6 回答不符合要求，7 批处理中有些行失败，130 被中断。"
    ),
    # ask
    "Ask a model. Text on standard input is added to PROMPT; PROMPT may be - for standard input alone.": (
        "向模型提问。标准输入的文本会加到 PROMPT 之后；PROMPT 为 - 时只用标准输入。"
    ),
    "Without -m the model is the first of: DRAGOMAN_MODEL, `model` in dragoman.toml here, in "
    "~/.config/dragoman/config.toml, a provider whose key is in the environment or in .env, a server that runs on this "
    "machine, and on a terminal the simulator.": (
        "没有 -m 时依次取：DRAGOMAN_MODEL、当前目录 dragoman.toml 或 ~/.config/dragoman/config.toml 中的 `model`、"
        "环境变量或 .env 中有密钥的服务商、本机运行的服务器；在终端上最后是模拟模型。"
    ),
    "Model to ask; without it the first that is there.": "要提问的模型；不给出时取第一个可用的。",
    "Picture, sound, PDF or text to go with it.": "随问题附上的图片、声音、PDF 或文本。",
    "Text to put before the prompt.": "放在提示词之前的文本。",
    "Go on with the last conversation of the command line.": "继续命令行的上一个对话。",
    "Go on with this conversation, or begin it; dragoman conv has them all.": (
        "继续（或开始）这个对话；dragoman conv 列出全部对话。"
    ),
    "Show tokens, time and cost.": "显示词元数、时间和费用。",
    "Print the whole answer as one JSON object.": "把整个回答输出为一个 JSON 对象。",
    "Print the text exactly as it came: no tag, no line feed added.": "原样输出文本：不加标记，不加换行。",
    "Ask for the answer in one piece.": "要求一次性返回回答。",
    "Print the HTTP request, its key masked, and send nothing.": "输出 HTTP 请求（密钥已隐去），不发送。",
    "Longest time for the whole call.": "整个调用的最长时间。",
    "Do not keep this call, though dragoman logs is on.": "即使已开启 dragoman logs，也不记录此次调用。",
    "Say how the model was chosen.": "说明模型是怎样选定的。",
    "Template to put the question into (dragoman template).": "把问题放入的模板（dragoman template）。",
    "Value for a place of the template.": "模板中某个位置的值。",
    "Print JSON of this form: 'vendor, total float', or a file.": (
        "按此形式输出 JSON：'vendor, total float'，或一个文件。"
    ),
    "Print a list of such values.": "输出这种值的列表。",
    "Print only the first code block.": "只输出第一个代码块。",
    "Print only the last code block.": "只输出最后一个代码块。",
    "Print events as they come, one JSON object on each line.": "事件到达时即输出，每行一个 JSON 对象。",
    "Most that it may cost.": "费用上限。",
    "Models to ask next, if the first does not answer.": "第一个模型不回答时，依次询问的模型。",
    "How often a failed request is repeated.": "失败的请求重发几次。",
    "Proxy for every request; '' for none.": "所有请求使用的代理；'' 表示不用。",
    "Certificates to trust, in PEM.": "信任的证书（PEM）。",
    # template
    "Keep prompts under names, and use them with -t.": "以名称保存提示词，用 -t 使用。",
    "A template is a text file; {input} is what is asked (without it, the question stands behind the template), other "
    "{names} are given with -p, and {{ and }} are braces.": (
        "模板是文本文件；{input} 是所问的内容（没有它时，问题接在模板之后），"
        "其他 {名称} 用 -p 给出，{{ 和 }} 表示花括号。"
    ),
    "Show the templates, with the places that -p fills.": "列出模板，以及用 -p 填写的位置。",
    "Print the template NAME as its file has it.": "按文件原样输出模板 NAME。",
    "Open the template NAME in $VISUAL or $EDITOR; one that is built in is copied first, and yours is used then.": (
        "用 $VISUAL 或 $EDITOR 打开模板 NAME；内置模板会先复制，之后使用您的版本。"
    ),
    "Keep TEXT (or standard input) as the template NAME.": "把 TEXT（或标准输入）保存为模板 NAME。",
    "Who is to be asked.": "要问哪个模型。",
    "Value of a place, unless another is given.": "某个位置的默认值。",
    "What the answer is to be.": "回答应当是什么。",
    "What it is for, in a line.": "用一行说明它的用途。",
    "Replace one that is there.": "替换已有的。",
    "Remove your template NAME; of one that is built in, your copy.": "删除您的模板 NAME；内置模板则删除您的副本。",
    # schema
    "Write, check and infer schemas for --schema.": "编写、检查和推断 --schema 使用的模式。",
    "A schema is a line, a JSON Schema, or a file with either. In a line a field is a name, a type (str int float bool "
    "date, or a|b|c), ? if it may be missing, and words or {fields} behind a colon; name[] is a list.": (
        "模式可以是一行文字、JSON Schema，或含有其一的文件。一行中的字段由名称、类型"
        "（str int float bool date，或 a|b|c）、可缺省标记 ?，以及冒号后的说明或 {字段} 组成；name[] 是列表。"
    ),
    "Print SCHEMA as the JSON Schema that a model is held to.": "把 SCHEMA 输出为约束模型的 JSON Schema。",
    "Hold the JSON of FILE (or standard input) to SCHEMA. Exit code 6 if a value does not satisfy it.": (
        "用 SCHEMA 检查 FILE（或标准输入）中的 JSON。有值不符合时退出码为 6。"
    ),
    "FILE is one value, or one on each line.": "FILE 是一个值，或每行一个值。",
    "Print the schema that the values of FILE (or standard input) have in common: JSON, one value or one per line.": (
        "输出 FILE（或标准输入）中各值共有的模式：JSON，一个值或每行一个值。"
    ),
    "A line, a JSON Schema, or a line if there is one.": "一行、JSON Schema，或尽量用一行。",
    # usage
    "Add up the calls that are kept: calls, failures, tokens, US dollars, and seconds at the median and the 95th "
    "percentile.": "汇总已记录的调用：次数、失败、词元、美元，以及中位数和 95 百分位的秒数。",
    "As bars, with the course over the time.": "画成条形，并显示随时间的变化。",
    "Comma-separated values, with a head.": "逗号分隔值，带表头。",
    # config
    "Look at the configuration, and change it.": "查看和修改配置。",
    "Keys: model, fallback, max_cost, aliases.NAME, options.SETTING. Comments in the files are kept.": (
        "键：model、fallback、max_cost、aliases.NAME、options.SETTING。文件中的注释会保留。"
    ),
    "Print the values that hold: variables first, then ./dragoman.toml, then the user's file.": (
        "输出生效的值：先是环境变量，然后 ./dragoman.toml，最后用户的文件。"
    ),
    "Show which file or variable says it.": "显示由哪个文件或变量设定。",
    "Print the value of KEY; exit code 1 if nobody says it.": "输出 KEY 的值；没有设定时退出码为 1。",
    "Write the VALUE of KEY, and leave the rest of the file as it is.": "写入 KEY 的值 VALUE，文件其余部分保持不变。",
    "Remove KEY from the file; exit code 1 if it is not there.": "从文件中删除 KEY；不存在时退出码为 1。",
    "Open the file in $VISUAL or $EDITOR, and check it.": "用 $VISUAL 或 $EDITOR 打开文件，并检查它。",
    "In ./dragoman.toml instead of the user's file.": "写在 ./dragoman.toml，而不是用户的文件。",
    # env
    "Print variables for other programs, as lines that a shell runs.": "输出供其他程序使用的变量，可由 shell 执行。",
    "A key is never in the lines: they have the command that looks it up.": "其中不含密钥，只有查询密钥的命令。",
    "Address and key of this provider, for its own tools.": "这个服务商的地址和密钥，供它自己的工具使用。",
    "For which shell; by default the one in $SHELL.": "用于哪种 shell；默认取 $SHELL。",
    "Write the key itself. Only on a terminal.": "写出密钥本身。只在终端上允许。",
    # completion
    "Print what makes SHELL complete commands, options, models, aliases, conversations, kits, templates and "
    "settings.": ("输出让 SHELL 补全命令、选项、模型、别名、对话、套件、模板和设置的脚本。"),
    "Set it up for every new shell.": "为每个新的 shell 设置好。",
    # models
    "List models with their limits, prices and abilities; show one; try some.": (
        "列出模型及其限制、价格和能力；查看一个；试用一些。"
    ),
    "Without a command it lists: the options are those of `dragoman models list --help`.": (
        "不带命令时列出模型：选项见 `dragoman models list --help`。"
    ),
    "Print the model that is asked without -m, or make MODEL that; exit code 1 if none is set.": (
        "输出没有 -m 时所问的模型，或把它设为 MODEL；没有设置时退出码为 1。"
    ),
    "Short names for models.": "模型的短名称。",
    "Show the aliases.": "列出别名。",
    "One JSON object: alias to model.": "一个 JSON 对象：别名对应模型。",
    "Make NAME another name for MODEL: dragoman -m NAME.": "让 NAME 成为 MODEL 的别名：dragoman -m NAME。",
    "Forget the alias NAME; exit code 1 if there is none.": "删除别名 NAME；不存在时退出码为 1。",
    # keys
    "Store keys, list where they come from, try them.": "保存密钥，列出来源，试用密钥。",
    "List the providers that have a key, and where each comes from. Nothing is looked up, and no key is shown.": (
        "列出有密钥的服务商以及来源。不查询密钥，也不显示密钥。"
    ),
    "Store the key of PROVIDER, instead of the one that is stored.": "保存 PROVIDER 的密钥，替换已保存的。",
    "It is asked for without being shown, or read from standard input. A key is never an argument: arguments are seen "
    "by other users and remembered by shells.": (
        "输入时不显示，也可从标准输入读取。密钥不能作为参数：参数会被其他用户看到，也会被 shell 记住。"
    ),
    "Store where the key is, such as awskms:… or vault:…#field.": "保存密钥的位置，例如 awskms:… 或 vault:…#field。",
    "Where to keep it; by default what there is.": "保存在哪里；默认取可用的。",
    "Try it with one request for the list of models (the default).": "用一次模型列表请求试用（默认）。",
    "Look up the key of PROVIDER, and print its end, or with --reveal the whole of it.": (
        "查询 PROVIDER 的密钥，输出其末尾；加 --reveal 输出全部。"
    ),
    "Print the key itself.": "输出密钥本身。",
    "Remove the stored key of PROVIDER. Exit code 3 if none is stored.": (
        "删除已保存的 PROVIDER 密钥。没有保存时退出码为 3。"
    ),
    # doctor
    "Check installation, keys, addresses, proxies, certificates and local servers. Exit code 1 if one is wrong.": (
        "检查安装、密钥、地址、代理、证书和本机服务器。有问题时退出码为 1。"
    ),
    # logs
    "Keep calls in a file on this machine, and look at them.": "把调用记录在本机的文件中，并查看。",
    "Nothing is kept before `dragoman logs on`. Credentials are masked before anything is written.": (
        "执行 `dragoman logs on` 之前什么都不记录。写入前会隐去凭据。"
    ),
    "Show the last calls, the newest last.": "显示最近的调用，最新的在最后。",
    "Only calls that ended so: ok, left, rate_limit, timeout...": "只看这样结束的调用：ok、left、rate_limit、timeout……",
    "Only calls that failed.": "只看失败的调用。",
    "Keep the calls of `dragoman` from now on.": "从现在起记录 `dragoman` 的调用。",
    "Keep no more calls; those that are kept stay.": "不再记录调用；已记录的保留。",
    # conv
    "Look at conversations, and keep or forget them.": "查看对话，保留或删除它们。",
    "Show the conversations that changed last, the newest last.": "显示最近有变化的对话，最新的在最后。",
    "How many, the newest.": "数量，取最新的。",
    "Where they are; DRAGOMAN_STORE.": "对话存放在哪里；DRAGOMAN_STORE。",
    "Whose they are.": "属于谁。",
    "Only this owner's.": "只看这个所有者的。",
    "Print where conversations are kept.": "输出对话存放的位置。",
}
