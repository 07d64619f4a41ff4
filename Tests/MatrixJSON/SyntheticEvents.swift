import MatrixJSON
import TestSupport

/// Small documents of the kinds that a device sends and gets: contents, whole events, telemetry, reactions, replies,
/// receipts, typing, membership, errors, event ids. Names, servers and texts are drawn from letters and a few words, none of
/// which anything was trained on.
enum SyntheticEvents {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz")
    private static let random64 = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    private static let words =
        "meet lamp over weather boat garden report fence tonight engine north quick seven river lock tower paper salt"
        .split(separator: " ").map(String.init)

    private static func word(_ random: inout SplitMix64, _ count: Int) -> String {
        String((0..<count).map { _ in letters[random.below(letters.count)] })
    }

    private static func server(_ random: inout SplitMix64) -> String {
        word(&random, 4 + random.below(8)) + [".org", ".net", ".example", ".de"][random.below(4)]
    }

    private static func user(_ random: inout SplitMix64) -> JSONValue {
        .string("@" + word(&random, 3 + random.below(8)) + ":" + server(&random))
    }

    private static func eventID(_ random: inout SplitMix64) -> String {
        "$" + String((0..<42).map { _ in random64[random.below(64)] }) + ["A", "E", "I", "M"][random.below(4)]
    }

    private static func sentence(_ random: inout SplitMix64) -> JSONValue {
        .string((0..<1 + random.below(8)).map { _ in words[random.below(words.count)] }.joined(separator: " "))
    }

    private static func time(_ random: inout SplitMix64) -> JSONValue {
        .integer(1_700_000_000_000 + Int64(random.below(1 << 37)))
    }

    private static func event(_ type: JSONValue, _ content: JSONValue, _ random: inout SplitMix64) -> JSONValue {
        [
            "content": content, "event_id": .string(eventID(&random)), "origin_server_ts": time(&random),
            "sender": user(&random), "type": type, "unsigned": ["age": .integer(Int64(random.below(100_000)))],
        ]
    }

    static func make(_ kind: Int, _ random: inout SplitMix64) -> JSONValue {
        switch kind % 12 {
        case 0: return ["body": sentence(&random), "msgtype": "m.text"]
        case 1: return event("m.room.message", ["body": sentence(&random), "msgtype": "m.text"], &random)
        case 2:
            return [
                "temperature": .integer(Int64(random.below(400))), "humidity": .integer(Int64(random.below(100))),
                "battery": .integer(Int64(3_000 + random.below(1_200))), "ts": time(&random),
            ]
        case 3:
            return event(
                "m.reaction",
                [
                    "m.relates_to": [
                        "event_id": .string(eventID(&random)), "key": "\u{1F44D}", "rel_type": "m.annotation",
                    ]
                ], &random)
        case 4:
            return [
                "body": sentence(&random), "msgtype": "m.text",
                "m.relates_to": ["m.in_reply_to": ["event_id": .string(eventID(&random))]],
            ]
        case 5:
            var reader: JSONValue = [:]
            reader[user(&random).stringValue ?? ""] = ["ts": time(&random)]
            var receipt: JSONValue = [:]
            receipt[eventID(&random)] = ["m.read": reader]
            return ["type": "m.receipt", "content": receipt]
        case 6: return ["type": "m.typing", "content": ["user_ids": [user(&random)]]]
        case 7:
            var member = event(
                "m.room.member", ["membership": "join", "displayname": .string(word(&random, 6))], &random)
            member["state_key"] = user(&random)
            return member
        case 8:
            return ["errcode": "M_FORBIDDEN", "error": sentence(&random)]
        case 9:
            return [
                "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests",
                "retry_after_ms": .integer(Int64(random.below(60_000))),
            ]
        case 10: return ["event_id": .string(eventID(&random))]
        default: return event("m.room.message", ["body": sentence(&random), "msgtype": "m.notice"], &random)
        }
    }
}
