// What the runtime that the function names does, whichever Node.js stands for it here.

const NAMED = /^AWS_Lambda_nodejs(\d+)\.x$/;

export function runtimeInForce() {
  const named = NAMED.exec(process.env.AWS_EXECUTION_ENV ?? "");
  const major = Number(named ? named[1] : process.versions.node.split(".")[0]);
  // AWS's client was written anew for Node.js 24, and takes no callbacks; with managed instances Node.js 22 has it, too.
  // https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/context/constants.ts
  const isNew = major >= 24 || process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined;
  return { major, takesCallbacks: !isNew, importsAll: isNew };
}
