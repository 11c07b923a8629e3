"""
Help in Chinese: chat, batch, knowledge and kits.  As `zh_help`, by the English sentence.
"""

from __future__ import annotations

from typing import Final

WORK: Final = {
    # chat
    'Enter sends; Alt-Enter, a paste, or lines between """ and """ make several lines. @FILE in a '
    "message attaches the file. Ctrl-C stops an answer and keeps what came; Ctrl-D leaves. /help shows "
    "the commands.": (
        'Enter 发送；Alt-Enter、粘贴，或在两个 """ 之间可输入多行。消息中的 @FILE 附上文件。C'
        "trl-C 停止回答并保留已到的内容；Ctrl-D 离开。/help 列出命令。"
    ),
    "Go on with this conversation, or begin it.": "继续（或开始）这个对话。",
    "Goes with the first message.": "随第一条消息附上。",
    "Instructions for the model, from now on.": "从现在起给模型的指令。",
    "Keep calls out of dragoman logs; the conversation is kept.": ("调用不进入 dragoman logs；对话仍会保留。"),
    "Model to talk to; without it the first that is there.": "对话的模型；不给出时取第一个可用的。",
    "Show answers as they come, and draw no Markdown.": "原样显示回答，不渲染 Markdown。",
    "Talk with a model. The conversation is kept; dragoman conv shows it, and -c or --cid goes on with it.": (
        "与模型对话。对话会保留；dragoman conv 可查看，-c 或 --cid 可继续。"
    ),
    "Where the key of encrypted ones is: env:NAME, file:PATH, awskms:...; the first seals.": (
        "加密对话的密钥在哪里：env:NAME、file:PATH、awskms:...；用第一个加密。"
    ),
    "Which of its branches.": "它的哪个分支。",
    # batch
    "A journal for -o -; that of OUT is OUT.job.": ("用 -o - 时的日志；OUT 的日志是 OUT.job。"),
    "Answers are kept in OUT.job as they come; OUT is written when all rows are settled. Rows that "
    "failed go to OUT with .jsonl made .errors.jsonl. Exit codes: 0 all answered, 7 some rows failed, "
    "130 interrupted.": (
        "回答到达时即存入 OUT.job；所有行都有结果后写出 OUT。失败的行写入把 OUT 的 .jsonl 换成 "
        ".errors.jsonl 的文件。退出码：0 全部回答，7 有些行失败，130 被中断。"
    ),
    "Answers in the order in which they come.": "按到达的顺序写出回答。",
    "Ask every row of IN, and write the answers to OUT: .jsonl, .csv, .tsv or .parquet, by their names.": (
        "对 IN 的每一行提问，把回答写入 OUT；按文件名为 .jsonl、.csv、.tsv 或 .parquet。"
    ),
    "Ask every row of a file, and pay for none twice.": "对文件的每一行提问，且不重复付费。",
    "Do not ask before a costly start.": "费用较高时也不先询问。",
    "Ask rows that begin alike together: prompt caches.": "把开头相同的行放在一起问，以利用提示词缓存。",
    "Field that is the row's id; custom_id or id by default.": ("作为行标识的字段；默认为 custom_id 或 id。"),
    "Go on with the batch of OUT, as it was begun; options win over what its journal says.": (
        "按开始时的方式继续 OUT 的批处理；选项优先于日志中的记录。"
    ),
    "Hard stop, for all runs of the batch together.": "费用硬上限，该批处理的各次运行合计。",
    "IN may be - for lines on standard input, and OUT - for lines on standard output, as they come. The "
    "same command again goes on where the last one ended.": (
        "IN 为 - 时从标准输入读取各行，OUT 为 - 时回答一到就写到标准输出。再次执行同一命令会从上次结束处继续。"
    ),
    "Instructions before each prompt.": "每个提示词之前的指令。",
    "Leave out what is settled there.": "略去其中已有结果的行。",
    "Length of the vectors.": "向量的长度。",
    "Live, at a provider's batch API, or auto.": "实时、用服务商的批处理 API，或自动选择。",
    "Model for all rows, whatever they say.": "所有行都用这个模型，不管行中写了什么。",
    "Most rows under way at once.": "同时进行的行数上限。",
    "Pay rows that ask the same once.": "相同的问题只付费一次。",
    "Print it as one JSON object, part by part.": "分项输出为一个 JSON 对象。",
    "Print it as one JSON object.": "输出为一个 JSON 对象。",
    "Print the answers that are there so far, as lines, in the order in which they came.": (
        "按到达的顺序逐行输出目前已有的回答。"
    ),
    "Print the report as one JSON object.": "把报告输出为一个 JSON 对象。",
    "Print what the batch of OUT has cost so far, in US dollars, of all answers whose price is known.": (
        "输出 OUT 的批处理至今的费用（美元），只计价格已知的回答。"
    ),
    "Prompt with places: 'Classify: {text}'.": "带位置的提示词：'Classify: {text}'。",
    "Rows are texts, and vectors are wanted.": "各行是文本，要得到向量。",
    "Say how many rows and tokens a run of IN has, and what it can cost. Nothing is sent.": (
        "说明运行 IN 有多少行和词元，可能花费多少。不发送任何内容。"
    ),
    "Say how the batch of OUT stands; it may be running.": "说明 OUT 的批处理进行到哪里；可以正在运行。",
    "Setting: temperature=0.": "设置：temperature=0。",
    "Stop the run of OUT's batch on this machine as Ctrl-C would: rows under way end, and it can go on later.": (
        "像 Ctrl-C 一样停止本机上 OUT 的批处理：进行中的行会完成，以后可以继续。"
    ),
    "The input, if it is elsewhere now.": "输入文件，如果现在在别处。",
    "The rows that failed instead.": "改为输出失败的行。",
    "Try the rows of OUT's batch again that have failed.": "重试 OUT 的批处理中失败的行。",
    "Wait for a provider; 600.": "等待服务商的时间；600。",
    "What is at a provider's batch API is cancelled there; what was done by then is kept.": (
        "服务商批处理 API 中的任务会在那里取消；已完成的保留。"
    ),
    "Where the answers go; - for standard output.": "回答写到哪里；- 表示标准输出。",
    "This process, several, or Ray.": "由谁提问：本进程、多个进程，或 Ray。",
    "With --engine ray: cluster; else a local one.": ("用 --engine ray 时的集群；不给出则用本机的。"),
    "With --engine processes or ray: how many.": "用 --engine processes 或 ray 时的数量。",
    "With --mode auto: when all must be there (90m, 24h).": ("用 --mode auto 时：全部完成的期限（90m、24h）。"),
    "Write it as a page with plots.": "写成带图表的网页。",
    "Write the report as a page with plots.": "把报告写成带图表的网页。",
    # kb
    "A file that has not changed since the last time costs its reading and nothing else. Exit code 1 if "
    "a file cannot be read; the others are in.": (
        "上次之后没有变化的文件只会被读取，别无开销。有文件无法读取时退出码为 1；其他文件照常加入。"
    ),
    "All documents.": "所有文档。",
    "Another base than the usual.": "另一个知识库。",
    "Answer QUESTION from the documents, with quotes that are checked to stand in them.": (
        "根据文档回答 QUESTION，引文经过核对，确实出自文档。"
    ),
    "How; hybrid.": "检索方式；hybrid。",
    "If the documents do not say it, that is the answer. What is streamed is not checked yet; if a quote "
    "did not hold, the checked answer follows. Into a file or pipe only the checked one goes.": (
        "文档没有提到时会如实回答。流式显示的内容尚未核对；若有引文不成立，随后会给出核对过的回答。写入文件或管道时只输出"
        "核对过的回答。"
    ),
    "Mark the documents with this.": "给文档加上此标签。",
    "Model of the vectors; by default the base's, else local/hash (offline).": (
        "向量模型；默认用知识库已有的，否则用 local/hash（离线）。"
    ),
    "Model that puts the passages in order first.": "先给段落排序的模型。",
    "Most tokens of a piece; 320.": "一个片段的词元上限；320。",
    "Of folders, no files and folders that match.": "排除文件夹中匹配的文件和子文件夹。",
    "Of folders, only files that match.": "只取文件夹中匹配的文件。",
    "Of text files that do not say it; utf-8.": "未注明编码的文本文件的编码；utf-8。",
    "Only documents marked with this.": "只用带此标签的文档。",
    "Only documents whose name matches.": "只用名称匹配的文档。",
    "Passages at most; 5.": "段落数上限；5。",
    "Pieces that the model is shown, at most; 8.": "给模型看的片段数上限；8。",
    "Questions to your own documents, with quotes that are checked.": "向您自己的文档提问，引文经过核对。",
    "Read Markdown, HTML, text and PDF files, or folders of them, into the base.": (
        "把 Markdown、HTML、文本和 PDF 文件或文件夹读入知识库。"
    ),
    "Remove documents from the base; their files stay. A folder removes what is below it.": (
        "从知识库中删除文档；文件本身保留。给出文件夹则删除其下的全部文档。"
    ),
    "Remove documents of these folders whose files are gone.": "删除这些文件夹中文件已不存在的文档。",
    "Show how much is in the base, and where it is.": "显示知识库有多少内容，位于哪里。",
    "Show nothing before all is checked.": "全部核对之后才显示。",
    "Show the documents of the base.": "列出知识库中的文档。",
    "Show the passages that fit WORDS best. No model is asked, unless the vectors are of one.": (
        "显示最符合 WORDS 的段落。除非向量来自模型，否则不询问模型。"
    ),
    "The base is a file of this user's, or where --store or DRAGOMAN_KB says: sqlite:///path.db, postgresql://...": (
        "知识库是当前用户的一个文件，或由 --store 或 DRAGOMAN_KB 指定：sqlite:///path.db、postgresql://..."
    ),
    "The question goes on with this conversation (dragoman conv list).": ("问题接着这个对话（dragoman conv list）。"),
    "What the files are.": "文件的格式。",
    "Where it is; DRAGOMAN_KB.": "知识库在哪里；DRAGOMAN_KB。",
    "Who answers; as for dragoman ask if it is not given.": ("由谁回答；不给出时同 dragoman ask。"),
    # kit
    "A name to mask; may be repeated.": "要隐去的姓名；可重复给出。",
    "A section; may be repeated.": "一个章节；可重复给出。",
    "Another folder than the usual.": "另一个文件夹。",
    "Answer MESSAGE (- for standard input) of a customer.": ("回答顾客的 MESSAGE（- 表示标准输入）。"),
    "As for dragoman ask if it is not given.": "不给出时同 dragoman ask。",
    "Ask again for segments that ended with an error.": "重新询问以错误结束的片段。",
    "Characters of subtitles in a second; 21.": "字幕每秒的字符数；21。",
    "Columns of a line of subtitles; 42.": "一行字幕的列数；42。",
    "Copy the prompts of KIT to where you can edit them; the command line uses them from then on.": (
        "把 KIT 的提示词复制到可以编辑的地方；命令行从此使用它们。"
    ),
    "E-mail addresses, telephone numbers, cards, accounts and names given are masked before anything is "
    "sent. Exit code 6 if no answer passed the checks, or a scenario did not end as it should.": (
        "电子邮件地址、电话号码、卡号、账号和给出的姓名在发送前会被隐去。没有回答通过检查，或情景没有按预期结束时，退出码"
        "为 6。"
    ),
    "Edited prompts.": "编辑过的提示词。",
    "Everything but words stays, byte for byte: code, links, placeholders, tags, keys. Numbers, links, "
    "placeholders, the glossary and the language of every segment are checked, and what fails is asked "
    "for again. With -o the run can be stopped and killed: the same command goes on. Exit code 6 if a "
    "segment ends with an error.": (
        "除文字外一切逐字节不变：代码、链接、占位符、标签、键。每个片段的数字、链接、占位符、术语和语言都会检查，不合格的"
        "会重新询问。用 -o 时可随时停止或终止：同一命令会继续。有片段以错误结束时退出码为 6。"
    ),
    "Facts, numbers, links, code and placeholders stay, and are checked. With -o the run can be stopped "
    "and killed: the same command goes on. Exit code 6 if a segment ends with an error.": (
        "事实、数字、链接、代码和占位符保持不变，并会检查。用 -o 时可随时停止或终止：同一命令会继续。有片段以错误结束"
        "时退出码为 6。"
    ),
    "File that says what is allowed.": "说明允许做什么的文件。",
    "File that says who answers.": "说明由谁回答的文件。",
    "File with what is there: the same command goes on.": "保存已有内容的文件：同一命令会继续。",
    "Files or a folder, or the store of a knowledge base.": "文件或文件夹，或知识库的存储位置。",
    "Folder of edited prompts.": "编辑过的提示词所在的文件夹。",
    "For JSON: a key whose strings stay (meta.*).": "用于 JSON：其字符串保持不变的键（meta.*）。",
    "For whom.": "写给谁。",
    "German, zh-Hans, ...; pseudo asks no model.": ("German、zh-Hans 等；pseudo 不询问模型。"),
    "Hard stop, for all runs of the output together.": "费用硬上限，该输出的各次运行合计。",
    "Have a model do the cases of KIT, and show which pass. Exit code 6 if one does not.": (
        "让模型做 KIT 的用例，显示哪些通过。有未通过的时退出码为 6。"
    ),
    "How far from that, as a share of it.": "允许偏离多少（比例）。",
    "How it shall read.": "译文的风格。",
    "How it shall sound: friendly.": "语气：friendly。",
    "How it speaks.": "语气。",
    "How long; signs in Chinese.": "多长；中文按字数。",
    "How much may be changed; light.": "可以改动多少；light。",
    "How much wider a text may be than its source; 3.": "文本最多可以比原文宽多少倍；3。",
    "How much wider a text may become; 1.5.": "文本最多可以变宽多少倍；1.5。",
    "How often a faulty segment is asked for; 3.": "有问题的片段最多询问几次；3。",
    "How often it may be written.": "最多写几次。",
    "If the file's name does not say it.": "文件名看不出格式时给出。",
    "Improve FILE (- for standard input) in the language in which it is written.": (
        "用原有的语言润色 FILE（- 表示标准输入）。"
    ),
    "In which language; python.": "用哪种语言；python。",
    "Instead of the persona's.": "代替角色设定中的。",
    "Instead of the persona's; repeatable.": "代替角色设定中的；可重复给出。",
    "Keep what was masked, too, for the next message.": "把隐去的内容也保留给下一条消息。",
    "Key that tickets are encrypted with.": "加密工单的密钥。",
    "Must be in it; may be repeated.": "必须写到的内容；可重复给出。",
    "No number and no link that is not in the brief.": "不出现要求中没有的数字和链接。",
    "Number the sections.": "给章节编号。",
    "Of the files; utf-8.": "文件的编码；utf-8。",
    "Of the message: the same again gives the kept reply.": "消息的标识：相同的标识会得到保留的回复。",
    "Of the report, with sections of yours.": "报告的标题，与自定章节一起使用。",
    "Play a TOML file instead.": "改为演练一个 TOML 文件。",
    "Print the prompts of KIT as they are used.": "按实际使用的样子输出 KIT 的提示词。",
    "Print the result as one JSON object.": "把结果输出为一个 JSON 对象。",
    "Ready-made work with checks.": "带检查的现成任务。",
    "Replace files that are there.": "替换已有的文件。",
    "Requests at once; 8.": "同时进行的请求数；8。",
    "Say what it takes, and send nothing.": "说明需要多少，不发送。",
    "Sections that are written at once.": "同时写的章节数。",
    "Show the changed lines as diff -u does.": "像 diff -u 一样显示改动的行。",
    "Show the changed words instead of the text.": "显示改动的词，而不是全文。",
    "Show the kits.": "列出套件。",
    "Terms: term,translation or term,keep.": ("术语：term,translation 或 term,keep。"),
    "That of the brief by default.": "默认与要求的语言相同。",
    "The conversation that the message belongs to.": "消息所属的对话。",
    "To cite.": "供引用的来源。",
    "To show; may be repeated.": "给模型看的文件；可重复给出。",
    "Translate FILE (- for standard input): Markdown, HTML, plain text, SRT, JSON or PO.": (
        "翻译 FILE（- 表示标准输入）：Markdown、HTML、纯文本、SRT、JSON 或 PO。"
    ),
    "Where it goes; standard output by default.": "写到哪里；默认为标准输出。",
    "Where tickets are kept; DRAGOMAN_STORE.": "工单存放在哪里；DRAGOMAN_STORE。",
    "With marks, or without.": "带标记，或不带。",
    "Without --write-to nothing is written: the changes are shown. Exit code 6 if something is still "
    "wrong with it; then nothing is written, either.": (
        "没有 --write-to 时不写文件，只显示改动。仍有问题时退出码为 6，也不写文件。"
    ),
    "Write a mail to BRIEF (- for standard input). Exit code 6 if something is still wrong with it.": (
        "按 BRIEF（- 表示标准输入）写邮件。仍有问题时退出码为 6。"
    ),
    "Write a report to BRIEF (- for standard input). Exit code 6 if something is still wrong with it.": (
        "按 BRIEF（- 表示标准输入）写报告。仍有问题时退出码为 6。"
    ),
    "Write code for the task BRIEF (- for standard input), as files.": ("为任务 BRIEF（- 表示标准输入）编写代码文件。"),
    "Write nothing, show what would change.": "不写文件，只显示将会改动什么。",
    "Write the files below it.": "把文件写在此文件夹下。",
    "provider/model; as for dragoman ask if it is not given.": ("服务商/模型；不给出时同 dragoman ask。"),
}
