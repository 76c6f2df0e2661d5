// The AI SDK on Bedrock and OpenAI, with its own telemetry. Up to version 6 a call names session and user as metadata;
// version 7 has its telemetry in a package of its own, and the application's span names them.

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createOpenAI } from "@ai-sdk/openai";
import { SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import * as ai from "ai";
import { z } from "zod";

const env = process.env;
const HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const SYSTEM = "You answer questions about orders.";
const traces = {};
const failures = {};
let scenario = "";

const recorder = {
  onStart(span) {
    const id = span.spanContext().traceId;
    traces[scenario] ??= [];
    if (!traces[scenario].includes(id)) traces[scenario].push(id);
  },
  onEnd() {},
  async forceFlush() {},
  async shutdown() {},
};
const exporter = new OTLPTraceExporter({ url: `${env.CONSOLE_URL}/v1/traces` });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": env.OTEL_SERVICE_NAME }),
  spanProcessors: [recorder, new BatchSpanProcessor(exporter)],
});
provider.register();
const isSeparate = typeof ai.registerTelemetry === "function";
if (isSeparate) {
  const { OpenTelemetry } = await import("@ai-sdk/otel");
  ai.registerTelemetry(new OpenTelemetry());
}

const openai = createOpenAI({ baseURL: env.OPENAI_URL, apiKey: "loopback" });
const models = {
  bedrock: createAmazonBedrock({ baseURL: env.BEDROCK_URL, region: env.AWS_REGION, apiKey: "loopback" })(HAIKU),
  chat: openai.chat("gpt-5-mini"),
  responses: openai.responses("gpt-5-mini"),
};
const tools = {
  find_order: ai.tool({
    description: "Find an order by its number.",
    inputSchema: z.object({ order: z.string() }),
    execute: async () => env.SCENARIO_TOOL_RESULT,
  }),
};

function buildRequest(model) {
  const session = `session-${scenario}`;
  const request = {
    model,
    prompt: `Where is order ${env.SCENARIO_ORDER}? [${scenario}]`,
    maxRetries: 0,
    onError() {},
    ...(isSeparate ? { instructions: SYSTEM } : { system: SYSTEM }),
  };
  if (scenario.endsWith("-tool")) {
    const stop = ai.stepCountIs ?? ai.isStepCount;
    Object.assign(request, { tools, stopWhen: stop(3) });
  }
  if (!isSeparate) {
    const metadata = { sessionId: session, userId: env.SCENARIO_USER };
    request.experimental_telemetry = { isEnabled: true, functionId: "answer", metadata };
  }
  return request;
}

async function ask(model, isStream) {
  if (!isStream) {
    await ai.generateText(buildRequest(model));
    return;
  }
  const result = ai.streamText(buildRequest(model));
  for await (const _ of result.textStream);
}

async function askInSpan(model, isStream) {
  if (!isSeparate) return ask(model, isStream);
  const attributes = { "session.id": `session-${scenario}`, "user.id": env.SCENARIO_USER };
  const options = { kind: SpanKind.SERVER, attributes };
  return trace.getTracer("application").startActiveSpan("POST /answer", options, async (span) => {
    try {
      await ask(model, isStream);
    } finally {
      span.end();
    }
  });
}

for (const [name, model] of Object.entries(models)) {
  for (const kind of ["", "-cached", "-tool", "-error", "-stream", "-stream-cached", "-stream-tool", "-stream-error"]) {
    scenario = `${name}${kind}`;
    try {
      await askInSpan(model, kind.startsWith("-stream"));
    } catch (error) {
      if (!kind.endsWith("-error")) failures[scenario] = String(error);
    }
  }
}
await provider.forceFlush();
await provider.shutdown();
console.log(JSON.stringify({ traces, failures }));
