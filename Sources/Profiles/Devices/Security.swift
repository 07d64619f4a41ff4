extension DeviceProfile {
    /// How the device and its gateway come to share keys. The keys themselves never stand in a profile.
    public struct Security: Equatable, Sendable {
        public enum Pattern: String, CaseIterable, Sendable {
            /// Each knows the other's public key.
            case kk = "KK"
            case kkpsk0 = "KKpsk0"
            /// Enrolled by a one-time code, then KK.
            case ik = "IK"
            /// Enrolled by the secret on its label, then KK.
            case xxpsk0 = "XXpsk0"
            /// A shared secret only.
            case nnpsk0 = "NNpsk0"
            /// A session that is put onto both sides by other means than the link.
            case provisioned

            public var shakesHands: Bool { self != .provisioned }
        }

        public var pattern: Pattern
        /// A name under which the operator finds the shared secret.
        public var keyReference: String?
        /// A new handshake is due after so many messages, and after this time (nanoseconds).
        public var rekeyMessages: Int
        public var rekeyAge: Int64
        /// Somebody holds a permission to encrypt where the rules of the link forbid it.
        public var isEncryptionPermitted: Bool

        static func read(_ section: YAMLSection) throws(FieldError) -> Security {
            let text = try section.required("pattern", Pattern.allCases.map(\.rawValue).joined(separator: ", "))
            guard let pattern = Pattern(rawValue: text) else {
                let words = Pattern.allCases.map(\.rawValue).joined(separator: ", ")
                let open = ["NN", "NK", "NX", "XN", "KN", "IN"].contains(text.uppercased())
                let why = open ? ": it does not prove who the device is" : ""
                throw section.failure("pattern", "\(section.shown(text)) is not one of \(words)\(why)")
            }
            let reference = try section.string("key_reference")
            if let reference, looksLikeKey(reference) {
                throw section.failure(
                    "key_reference", "looks like a key itself; a profile is passed around and names the key only")
            }
            let rekey = try section.section("rekey")
            let messages = try rekey.integer("messages", 1...1_048_576) ?? 1_048_576
            let days = try rekey.number("age_days", 0.001...3650) ?? 30
            try rekey.finish()
            guard pattern.shakesHands || rekey.isEmpty else {
                throw section.failure("rekey", "a provisioned session never shakes hands: leave it out")
            }
            let isPermitted = try section.bool("encryption_permitted") ?? false
            try section.finish()
            return Security(
                pattern: pattern, keyReference: reference, rekeyMessages: Int(messages),
                rekeyAge: YAMLSection.nanoseconds(days * 86_400), isEncryptionPermitted: isPermitted)
        }

        /// 32 bytes in base64 or hexadecimal.
        private static func looksLikeKey(_ text: String) -> Bool {
            let isBase64 = text.utf8.count == 44 && text.hasSuffix("=")
            return isBase64
                || (text.utf8.count == 64 && text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit })
        }
    }
}
