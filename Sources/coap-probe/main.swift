import CoAP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

let usage = """
    Usage: coap-probe METHOD coap://HOST[:PORT]/PATH[?QUERY] [OPTIONS]

    Sends one request with Sotto's CoAP client, and prints the code of the answer on standard error and its body on
    standard output. METHOD: get, put, post, delete, fetch, patch, ipatch, ping.

      --data TEXT     the body of the request
      --size N        a body of N bytes instead: the lower-case letters again and again
      --format N      Content-Format of the body
      --accept N      Accept
      --block SIZE    the block size to ask for: 16, 32, ... 1024
      --observe N     observe, print N states one a line, then end the observation
      --non           send it unconfirmed
      --robust        bodies in blocks that are not confirmed one by one (RFC 9177)
      --loss PERCENT  throw away so many of the datagrams, in each direction
    Exit status: 0 answered by success, 1 by an error, 2 not answered.
    """

func put(_ bytes: [UInt8], on descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written > 0 else { return }
        rest = rest.dropFirst(written)
    }
}

func put(_ text: String, on descriptor: Int32) { put(Array(text.utf8), on: descriptor) }

func fail(_ text: String, _ status: Int32 = 64) -> Never {
    put("coap-probe: \(text)\n", on: STDERR_FILENO)
    exit(status)
}

var words: [String] = []
var values: [String: String] = [:]
var confirmable = true
var isRobust = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--help", "-h":
        print(usage)
        exit(0)
    case "--non": confirmable = false
    case "--robust": isRobust = true
    case "--data", "--size", "--format", "--accept", "--block", "--observe", "--loss":
        guard let value = arguments.popFirst() else { fail("\(argument) needs a value") }
        guard argument == "--data" || Int(value).map({ $0 >= 0 }) == true else {
            fail("\(argument) needs a number")
        }
        values[argument] = value
    default:
        guard !argument.hasPrefix("--") else { fail("unknown option \(argument) (see --help)") }
        words.append(argument)
    }
}
guard words.count == 2 else { fail("a method and a URI are needed (see --help)") }
let given = values
func number(_ name: String) -> Int? { given[name].flatMap { Int($0) } }

let methods: [String: Code] = [
    "get": .get, "put": .put, "post": .post, "delete": .delete, "fetch": .fetch, "patch": .patch, "ipatch": .iPatch,
]
guard let target = Target(words[1]) else { fail("not a URI of the form coap://HOST[:PORT]/PATH") }
var payload = Array((values["--data"] ?? "").utf8)
if let size = number("--size") { payload = (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) } }
var options = target.options
if let format = number("--format") { options.append(MessageOption(.contentFormat, uint: UInt64(format))) }
if let accept = number("--accept") { options.append(MessageOption(.accept, uint: UInt64(accept))) }
let exponent = BlockOption.exponent(fitting: number("--block") ?? 1024)

func show(_ response: Response) {
    let detail = response.code.detail
    put("\(response.code.codeClass).\(detail < 10 ? "0" : "")\(detail)\n", on: STDERR_FILENO)
    put(response.payload, on: STDOUT_FILENO)
}

do {
    var client = try Client(host: target.host, port: target.port, lossPercent: number("--loss") ?? 0)
    if words[0] == "ping" {
        try client.ping()
        exit(0)
    }
    guard let method = methods[words[0]] else { fail("unknown method \(words[0])") }
    let request = Request(method, options: options, payload: payload)
    if let count = number("--observe") {
        try client.observe(request, count: count, confirmable: confirmable, blockExponent: exponent) { response in
            show(response)
            put("\n", on: STDOUT_FILENO)
        }
        exit(0)
    }
    let response =
        isRobust
        ? try client.exchangeRobustly(request, blockExponent: exponent)
        : try client.exchange(request, confirmable: confirmable, blockExponent: exponent)
    show(response)
    exit(response.code.isSuccess ? 0 : 1)
} catch {
    fail("\(error)", 2)
}
