import MatrixJSON
import Testing

@testable import Homeserver

@Suite("What a homeserver's answer means")
struct AnswerTests {
    func interpret(_ status: Int, _ body: String, retryAfter: String? = nil) throws(HomeserverError) -> JSONValue {
        try HomeserverClient.interpret(status, Array(body.utf8), retryAfter: retryAfter)
    }

    @Test("errcode decides: a refusal is final, a rate limit and a token are not")
    func errcodes() throws {
        #expect(try interpret(200, #"{"event_id":"$x"}"#)["event_id"]?.stringValue == "$x")
        #expect(throws: HomeserverError.refused(status: 403, errcode: "M_FORBIDDEN", message: "no")) {
            try interpret(403, #"{"errcode":"M_FORBIDDEN","error":"no"}"#)
        }
        #expect(throws: HomeserverError.refused(status: 413, errcode: "M_TOO_LARGE", message: "")) {
            try interpret(413, #"{"errcode":"M_TOO_LARGE"}"#)
        }
        #expect(throws: HomeserverError.tokenRejected("unknown")) {
            try interpret(401, #"{"errcode":"M_UNKNOWN_TOKEN","error":"unknown"}"#)
        }
    }

    @Test("a rate limit says how long, in the body or in the header")
    func rateLimits() {
        #expect(throws: HomeserverError.rateLimited(retryAfterMilliseconds: 1234)) {
            try interpret(429, #"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1234}"#, retryAfter: "9")
        }
        #expect(throws: HomeserverError.rateLimited(retryAfterMilliseconds: 9000)) {
            try interpret(429, "", retryAfter: "9")
        }
        #expect(throws: HomeserverError.rateLimited(retryAfterMilliseconds: nil)) { try interpret(429, "<html>") }
    }

    @Test("what stands in front of a homeserver answers HTML: never final, whatever its status")
    func proxies() {
        for status in [400, 403, 404, 500, 502, 504] {
            #expect(throws: HomeserverError.unusableAnswer(status: status, "<html> Bad")) {
                try interpret(status, "<html>\nBad")
            }
        }
        #expect(throws: HomeserverError.self) { try interpret(200, "<html>") }
        // An error of the homeserver's own making may pass, too.
        #expect(throws: HomeserverError.unusableAnswer(status: 500, #"{"errcode":"M_UNKNOWN"}"#)) {
            try interpret(500, #"{"errcode":"M_UNKNOWN"}"#)
        }
    }

    @Test("plain http is taken to this machine only, unless the operator says otherwise")
    func plainHTTP() {
        for url in ["http://127.0.0.1:8008", "http://localhost:1", "http://[::1]:8008", "https://matrix.example.org"] {
            #expect(HomeserverClient.problem(baseURL: url, allowPlainHTTP: false) == nil)
        }
        for url in ["http://matrix.example.org", "http://localhost.example.org", "http://127.example.org"] {
            #expect(HomeserverClient.problem(baseURL: url, allowPlainHTTP: false)?.contains("allow_plain_http") == true)
            #expect(HomeserverClient.problem(baseURL: url, allowPlainHTTP: true) == nil)
        }
        for url in ["ftp://example.org", "matrix.example.org", ""] {
            #expect(HomeserverClient.problem(baseURL: url, allowPlainHTTP: true) != nil)
        }
    }

    @Test("a registration quotes what YAML and regular expressions would take for something else")
    func registration() {
        let registration = Registration(
            id: "it's", url: "http://127.0.0.1:1", asToken: "a", hsToken: "b", senderLocalpart: "sotto",
            userPrefix: "iot.x_", serverName: "example.org")
        #expect(registration.yaml.contains("id: 'it''s'\n"))
        #expect(registration.yaml.contains("regex: '@iot\\.x_.*:example\\.org'\n"))
        #expect(Registration.randomToken() != Registration.randomToken())
        #expect(Registration.randomToken().utf8.count == 64)
    }
}
