// Errors as AWS's runtime reports and logs them.

class RuntimeFault extends Error {
  constructor(type, message) {
    super(message);
    this.name = `Runtime.${type}`;
  }
}

export class HandlerNotFound extends RuntimeFault {
  constructor(message) {
    super("HandlerNotFound", message);
  }
}

export class MalformedHandlerName extends RuntimeFault {
  constructor(message) {
    super("MalformedHandlerName", message);
  }
}

export class CallbackHandlerDeprecated extends RuntimeFault {
  constructor() {
    super(
      "CallbackHandlerDeprecated",
      "AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to " +
        "modify this function to use a supported handler signature to use Node.js 24 or later. For more information " +
        "see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
}

export class ImportModuleError extends RuntimeFault {
  constructor(cause) {
    super("ImportModuleError", String(cause));
    this.stack = cause.stack ?? this.stack;
  }
}

export class UserCodeSyntaxError extends RuntimeFault {
  constructor(cause) {
    super("UserCodeSyntaxError", String(cause));
    this.stack = cause.stack ?? this.stack;
  }
}

export class UnhandledPromiseRejection extends RuntimeFault {
  constructor(reason, promise) {
    super("UnhandledPromiseRejection", String(reason));
    this.reason = reason;
    this.promise = promise;
  }
}

export class NodeJsExit extends RuntimeFault {
  constructor() {
    super(
      "NodeJsExit",
      "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise " +
        "that was never settled. For more information, see " +
        "https://nodejs.org/docs/latest/api/process.html#exit-codes",
    );
  }
}

export class InvalidStreamingOperation extends RuntimeFault {
  constructor(message) {
    super("InvalidStreamingOperation", message);
  }
}

// The body of an error report.
export function described(error) {
  if (!isError(error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = String(error.stack ?? "").split("\n");
  return { errorType: String(error.name ?? "Error"), errorMessage: String(error.message ?? ""), trace };
}

// What a log line says of an error.
export function logged(error) {
  return isError(error) ? new Told(error) : new Told({ name: typeof error, message: String(error), stack: "" });
}

export function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

// What matters of an error is not enumerable: as JSON it would be empty.
function spread(error) {
  const said = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  return typeof error.stack === "string" ? { ...said, stack: error.stack.split("\n") } : said;
}

class Told {
  constructor(error) {
    const { name, message, stack, ...rest } = error;
    this.errorType = String(name ?? error.name ?? "Error");
    this.errorMessage = String(error.message ?? message ?? "");
    Object.assign(this, rest);
    this.stack = String(error.stack ?? stack ?? "").split("\n");
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    try {
      return `\t${JSON.stringify(this, (_key, value) => (isError(value) ? spread(value) : value))}`;
    } catch {
      return `\t${JSON.stringify({ errorType: this.errorType, errorMessage: this.errorMessage, trace: this.stack })}`;
    }
  }
}
