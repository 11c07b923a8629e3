-- A logs.db as llm 0.36 wrote it, with a model that repeats; and two responses as versions before 0.36 kept them.
CREATE TABLE "conversations" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "model" TEXT
);
CREATE TABLE "attachments" (
   "id" TEXT PRIMARY KEY,
   "type" TEXT,
   "path" TEXT,
   "url" TEXT,
   "content" BLOB
);
CREATE TABLE "responses" (
   "id" TEXT PRIMARY KEY,
   "model" TEXT,
   "prompt" TEXT,
   "system" TEXT,
   "prompt_json" TEXT,
   "options_json" TEXT,
   "response" TEXT,
   "response_json" TEXT,
   "conversation_id" TEXT REFERENCES "conversations"("id"),
   "duration_ms" INTEGER,
   "datetime_utc" TEXT,
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id")
, "resolved_model" TEXT, "reasoning" TEXT);
CREATE TABLE "fragments" (
   "id" INTEGER PRIMARY KEY,
   "hash" TEXT,
   "content" TEXT,
   "datetime_utc" TEXT,
   "source" TEXT
);
CREATE TABLE "prompt_attachments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "attachment_id")
);
CREATE TABLE "prompt_fragments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "fragment_id", "order")
);
CREATE TABLE "system_fragments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "fragment_id", "order")
);
CREATE TABLE "tool_calls" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "arguments" TEXT,
   "tool_call_id" TEXT
);
CREATE TABLE "tool_results" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "output" TEXT,
   "tool_call_id" TEXT,
   "instance_id" INTEGER REFERENCES "tool_instances"("id")
, "exception" TEXT);
CREATE TABLE "messages" (
   "hash" TEXT PRIMARY KEY,
   "parent_hash" TEXT REFERENCES "messages"("hash"),
   "role" TEXT,
   "provider_metadata" TEXT
);
CREATE TABLE "parts" (
   "id" INTEGER PRIMARY KEY,
   "message_hash" TEXT REFERENCES "messages"("hash"),
   "position" INTEGER,
   "type" TEXT,
   "tool_name" TEXT,
   "text" TEXT,
   "payload" TEXT
);
CREATE TABLE "part_attachments" (
   "part_id" INTEGER REFERENCES "parts"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("part_id", "attachment_id", "order")
);
CREATE TABLE "part_fragments" (
   "part_id" INTEGER REFERENCES "parts"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("part_id", "fragment_id", "order")
);
CREATE TABLE "threads" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "forked_from" TEXT REFERENCES "threads"("id"),
   "datetime_utc" TEXT
);
CREATE TABLE "turns" (
   "id" TEXT PRIMARY KEY,
   "thread_id" TEXT REFERENCES "threads"("id"),
   "parent_message_hash" TEXT REFERENCES "messages"("hash"),
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "model" TEXT,
   "resolved_model" TEXT,
   "options_json" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id"),
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "duration_ms" INTEGER,
   "datetime_utc" TEXT
, "response_json" TEXT);
INSERT INTO "attachments" VALUES('02a3e298f1533f62558c58e4c70edcab9af5a50d62d925fd5390942020fb0fb8','image/png',NULL,NULL,X'89504E470D0A1A0A0000000D49484452');
INSERT INTO "fragments" VALUES(1,'67a77ec4f8605f02d930b7861b459d1097a4a24ecb4a4670ba437e7cf2af7466','A long novel.','2026-11-22 23:20:31',NULL);
INSERT INTO "messages" VALUES('b2:074dea0bd0259e0d5dca16426a45e4f5',NULL,'system',NULL);
INSERT INTO "messages" VALUES('b2:8f5a06f5cde5a5352255688f473afaac','b2:074dea0bd0259e0d5dca16426a45e4f5','user',NULL);
INSERT INTO "messages" VALUES('b2:0733177844f2d5fde89b141dd72ed6f4','b2:8f5a06f5cde5a5352255688f473afaac','assistant',NULL);
INSERT INTO "messages" VALUES('b2:4c1db130c204ecfbcda40cfa0f6b71a9','b2:0733177844f2d5fde89b141dd72ed6f4','user',NULL);
INSERT INTO "messages" VALUES('b2:6bc0f94f2819d3fbd15f8082d99df94a','b2:4c1db130c204ecfbcda40cfa0f6b71a9','assistant',NULL);
INSERT INTO "messages" VALUES('b2:8e8daec8bc0db0ef7d329e1d530c2b7e','b2:0733177844f2d5fde89b141dd72ed6f4','user',NULL);
INSERT INTO "messages" VALUES('b2:7894a3db2b5983b012a24974e762b8e4','b2:8e8daec8bc0db0ef7d329e1d530c2b7e','assistant',NULL);
INSERT INTO "messages" VALUES('b2:2903503270954976e15406dcae0246a7',NULL,'user',NULL);
INSERT INTO "messages" VALUES('b2:3a9d024ba0c688c7dacab4f4fa21ad20','b2:2903503270954976e15406dcae0246a7','assistant',NULL);
INSERT INTO "messages" VALUES('b2:a49bb83bcf0dee1ace2c580704cb1123','b2:3a9d024ba0c688c7dacab4f4fa21ad20','tool',NULL);
INSERT INTO "messages" VALUES('b2:c3460d6b6716cc84f0a863c6f1657672','b2:a49bb83bcf0dee1ace2c580704cb1123','assistant',NULL);
INSERT INTO "part_attachments" VALUES(3,'02a3e298f1533f62558c58e4c70edcab9af5a50d62d925fd5390942020fb0fb8',0);
INSERT INTO "part_fragments" VALUES(2,1,0);
INSERT INTO "parts" VALUES(1,'b2:074dea0bd0259e0d5dca16426a45e4f5',0,'text',NULL,'Be brief.',NULL);
INSERT INTO "parts" VALUES(2,'b2:8f5a06f5cde5a5352255688f473afaac',0,'text',NULL,NULL,'{"text_ref": [{"fragment": 1}, {"literal": "\nHello"}]}');
INSERT INTO "parts" VALUES(3,'b2:8f5a06f5cde5a5352255688f473afaac',1,'attachment',NULL,NULL,'{"attachment": {"id": "02a3e298f1533f62558c58e4c70edcab9af5a50d62d925fd5390942020fb0fb8"}}');
INSERT INTO "parts" VALUES(4,'b2:0733177844f2d5fde89b141dd72ed6f4',0,'text',NULL,'answer 1',NULL);
INSERT INTO "parts" VALUES(5,'b2:4c1db130c204ecfbcda40cfa0f6b71a9',0,'text',NULL,'Second',NULL);
INSERT INTO "parts" VALUES(6,'b2:6bc0f94f2819d3fbd15f8082d99df94a',0,'text',NULL,'answer 2',NULL);
INSERT INTO "parts" VALUES(7,'b2:8e8daec8bc0db0ef7d329e1d530c2b7e',0,'text',NULL,'Third',NULL);
INSERT INTO "parts" VALUES(8,'b2:7894a3db2b5983b012a24974e762b8e4',0,'reasoning',NULL,'hm',NULL);
INSERT INTO "parts" VALUES(9,'b2:7894a3db2b5983b012a24974e762b8e4',1,'text',NULL,'answer 3',NULL);
INSERT INTO "parts" VALUES(10,'b2:2903503270954976e15406dcae0246a7',0,'text',NULL,'Add',NULL);
INSERT INTO "parts" VALUES(11,'b2:3a9d024ba0c688c7dacab4f4fa21ad20',0,'tool_call','add',NULL,'{"name": "add", "arguments": {"a": 1, "b": 2}, "tool_call_id": "call_1"}');
INSERT INTO "parts" VALUES(12,'b2:a49bb83bcf0dee1ace2c580704cb1123',0,'tool_result','add',NULL,'{"name": "add", "output": "3", "tool_call_id": "call_1"}');
INSERT INTO "parts" VALUES(13,'b2:c3460d6b6716cc84f0a863c6f1657672',0,'text',NULL,'answer 4',NULL);
INSERT INTO "threads" VALUES('01m82rzaskdbd5f1896vjejr2n','A long novel. Hello','b2:6bc0f94f2819d3fbd15f8082d99df94a',NULL,'2026-11-22 23:20:31.283635+00:00');
INSERT INTO "threads" VALUES('01m82rzasx0d6c2v57fgpsy1yd','other','b2:7894a3db2b5983b012a24974e762b8e4','01m82rzaskdbd5f1896vjejr2n','2026-11-22 23:20:31.293915+00:00');
INSERT INTO "threads" VALUES('01m82rzataf3kynpkvmr5t09f1','Add','b2:c3460d6b6716cc84f0a863c6f1657672',NULL,'2026-11-22 23:20:31.308797+00:00');
INSERT INTO "turns" VALUES('01m82rzaskdbd5f1896vjejr2p','01m82rzaskdbd5f1896vjejr2n','b2:8f5a06f5cde5a5352255688f473afaac','b2:0733177844f2d5fde89b141dd72ed6f4','fake-1',NULL,NULL,NULL,NULL,NULL,NULL,0,'2026-11-22T23:20:31.283320+00:00',NULL);
INSERT INTO "turns" VALUES('01m82rzastx3djkxj53ptxpatz','01m82rzaskdbd5f1896vjejr2n','b2:4c1db130c204ecfbcda40cfa0f6b71a9','b2:6bc0f94f2819d3fbd15f8082d99df94a','fake-1',NULL,NULL,NULL,NULL,NULL,NULL,0,'2026-11-22T23:20:31.290474+00:00',NULL);
INSERT INTO "turns" VALUES('01m82rzatc5v01x9gj881m150b','01m82rzataf3kynpkvmr5t09f1','b2:2903503270954976e15406dcae0246a7','b2:3a9d024ba0c688c7dacab4f4fa21ad20','fake-1',NULL,NULL,NULL,NULL,NULL,NULL,0,'2026-11-22T23:20:31.308401+00:00',NULL);
INSERT INTO "turns" VALUES('01m82rzatc5v01x9gj881m150c','01m82rzataf3kynpkvmr5t09f1','b2:a49bb83bcf0dee1ace2c580704cb1123','b2:c3460d6b6716cc84f0a863c6f1657672','fake-1',NULL,NULL,NULL,NULL,NULL,NULL,0,'2026-11-22T23:20:31.308546+00:00',NULL);
INSERT INTO "conversations" VALUES('old-1','An old one','fake-0');
INSERT INTO "responses" (id, model, prompt, system, response, conversation_id, datetime_utc, reasoning) VALUES('r1','fake-0','One','Be kind.','Uno','old-1','2024-01-01T00:00:00','hm');
INSERT INTO "responses" (id, model, prompt, system, response, conversation_id, datetime_utc) VALUES('r2','fake-0','Add',NULL,NULL,'old-1','2024-01-01T00:00:01');
INSERT INTO "tool_calls" VALUES(1,'r2',NULL,'add','{"a": 1}','c1');
INSERT INTO "responses" (id, model, prompt, response, conversation_id, datetime_utc) VALUES('r3','fake-0','','Two','old-1','2024-01-01T00:00:02');
INSERT INTO "tool_results" (id, response_id, name, output, tool_call_id) VALUES(1,'r3','add','2','c1');
INSERT INTO "prompt_fragments" VALUES('r1',1,0);
