public import CoAP

/// Status codes of HTTP as codes of CoAP, exactly: every status from 100 to 599 comes back.
///
/// 200 is 2.05 (Content); 201 to 230 but 205, 400 to 431 and 500 to 530 are the codes of the same digits. Every other status is
/// code 5.31, and stands as a CBOR integer before the body.
public enum AnswerStatus {
    public static let other = Code(5, 31)

    /// nil: `other`.
    public static func code(of status: Int) -> Code? {
        guard status != 200 else { return .content }
        let code = Code(UInt8(truncatingIfNeeded: status / 100), UInt8(truncatingIfNeeded: status % 100))
        return self.status(of: code) == status ? code : nil
    }

    /// nil: `other`, and codes that stand for no status.
    public static func status(of code: Code) -> Int? {
        guard code.isResponse, code != other, code != .continue || code.codeClass != 2 else { return nil }
        if code == .content { return 200 }
        guard code != Code(2, 0) else { return nil }
        return Int(code.codeClass) * 100 + Int(code.detail)
    }
}
