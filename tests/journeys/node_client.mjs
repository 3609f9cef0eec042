// What an application of Node.js does with AWS's own client; the endpoint and the credentials stand in the environment.
import { readFileSync } from 'node:fs';
import {
  CreateFunctionCommand, InvocationType, InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient, LogType,
  ResourceNotFoundException, TooManyRequestsException, PutFunctionConcurrencyCommand, UpdateFunctionConfigurationCommand,
  PublishVersionCommand, paginateListFunctions, paginateListVersionsByFunction, waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2, waitUntilPublishedVersionActive,
} from '@aws-sdk/client-lambda';

const [, , role, archive] = process.argv;
const client = new LambdaClient({ maxAttempts: 1 });
const soon = { client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.1 };
const text = (bytes) => new TextDecoder().decode(bytes);
const said = {};

const made = await client.send(new CreateFunctionCommand({
  FunctionName: 'streams', Runtime: 'nodejs20.x', Handler: 'index.handler', Role: role, Timeout: 20,
  Code: { ZipFile: readFileSync(archive) },
}));
said.created = [made.State, made.$metadata.httpStatusCode];
said.active = (await waitUntilFunctionActiveV2(soon, { FunctionName: 'streams' })).state;
await client.send(new CreateFunctionCommand({
  FunctionName: 'other', Runtime: 'nodejs20.x', Handler: 'index.plain', Role: role,
  Code: { ZipFile: readFileSync(archive) },
}));
await waitUntilFunctionActiveV2(soon, { FunctionName: 'other' });

const streamed = await client.send(new InvokeWithResponseStreamCommand({
  FunctionName: 'streams', Payload: JSON.stringify({ parts: ['one ', 'two ', 'größer'] }), LogType: LogType.Tail,
}));
const chunks = [];
for await (const event of streamed.EventStream) {
  if (event.PayloadChunk) chunks.push(event.PayloadChunk.Payload);
  if (event.InvokeComplete) {
    said.complete = [event.InvokeComplete.ErrorCode ?? null, atob(event.InvokeComplete.LogResult).includes('REPORT')];
  }
}
said.streamed = [streamed.ResponseStreamContentType, text(Buffer.concat(chunks))];

const broken = await client.send(new InvokeWithResponseStreamCommand({
  FunctionName: 'streams', Payload: JSON.stringify({ parts: ['half'], fails: true }),
}));
for await (const event of broken.EventStream) {
  if (event.InvokeComplete) said.broken = [event.InvokeComplete.ErrorCode, event.InvokeComplete.ErrorDetails.length > 0];
}

const plain = await client.send(new InvokeCommand({ FunctionName: 'other', Payload: '{"n": 4}', LogType: LogType.Tail }));
said.plain = [plain.StatusCode, plain.ExecutedVersion, plain.Payload.transformToString(), plain.FunctionError ?? null];
const failed = await client.send(new InvokeCommand({ FunctionName: 'other', Payload: '{"fails": true}' }));
said.failed = [failed.FunctionError, JSON.parse(failed.Payload.transformToString()).errorType];
const accepted = await client.send(new InvokeCommand({ FunctionName: 'other', InvocationType: InvocationType.Event }));
said.accepted = [accepted.StatusCode, accepted.Payload?.length ?? 0];

await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'other', MemorySize: 256 }));
said.updated = (await waitUntilFunctionUpdatedV2(soon, { FunctionName: 'other' })).reason.Configuration.MemorySize;
const { Version } = await client.send(new PublishVersionCommand({ FunctionName: 'other' }));
said.published = (await waitUntilPublishedVersionActive(soon, { FunctionName: 'other', Qualifier: Version })).state;

said.pages = [];
for await (const page of paginateListFunctions({ client, pageSize: 1 }, {})) {
  said.pages.push(page.Functions.map((one) => one.FunctionName));
}
said.versions = [];
for await (const page of paginateListVersionsByFunction({ client, pageSize: 1 }, { FunctionName: 'other' })) {
  said.versions.push(...page.Versions.map((one) => one.Version));
}

const refused = async (command) => client.send(command).then(() => null, (error) => error);
const missing = await refused(new InvokeCommand({ FunctionName: 'none' }));
said.missing = [
  missing instanceof ResourceNotFoundException, missing.name, missing.Type, missing.$metadata.httpStatusCode,
  missing.message.split(':function:')[0],
];
await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'other', ReservedConcurrentExecutions: 0 }));
const throttled = await refused(new InvokeCommand({ FunctionName: 'other' }));
said.throttled = [
  throttled instanceof TooManyRequestsException, throttled.Reason, throttled.$metadata.httpStatusCode,
];
const streamless = await refused(new InvokeWithResponseStreamCommand({ FunctionName: 'none' }));
said.streamless = streamless instanceof ResourceNotFoundException;
console.log(JSON.stringify(said));
