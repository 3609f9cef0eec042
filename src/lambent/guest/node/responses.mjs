// Lets the makers of custom resources answer. ResponseURL is the platform's address here, over plain HTTP and with a
// port; the CDK's own functions take its host and path from it and nothing else, since S3's has TLS and port 443:
// https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/custom-resources/lib/provider-framework/runtime/cfn-response.ts

import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";

const plainly = { protocol: "http:", agent: undefined };

export function answerAt({ hostname, port, pathname }) {
  const request = https.request;
  const path = pathname.slice(0, pathname.lastIndexOf("/") + 1);
  https.request = function (options, ...more) {
    const isAnswer = options?.path?.startsWith(path) && (options.hostname ?? options.host) === hostname;
    return isAnswer ? http.request({ ...options, ...plainly, port }, ...more) : request.call(this, options, ...more);
  };
  syncBuiltinESMExports();
}
