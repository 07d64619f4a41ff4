/// The first byte of a compact CoAP message. `01......` is that of a message of RFC 7252, which stands as it is where
/// no compact form says the same.
///
/// | byte | message |
/// |---|---|
/// | `000nnnnn` | acknowledgement of request n with 2.04 (Changed); payload |
/// | `001nnnnn` | another answer to request n; a byte for what, options, payload |
/// | `100nnnnn` | empty acknowledgement of message n |
/// | `101sssss` | confirmable request of shape s; payload |
/// | `10111110`, `10111111` | notification 2.05 (Content), non-confirmable or confirmable; payload |
/// | `110ttmkp` | any message: type, whether message id and token stand there, whether only payload follows the code |
/// | `111nnnnn` | acknowledgement of request n with 2.05 (Content); payload |
///
/// `nnnnn` are the low five bits of the number of the frame that is answered. Frames carry no associated data: without them a
/// late answer to one request would be taken for the answer to the next. A sender uses no number 32 higher in compact form
/// while an answer to the lower one may still come.
enum CompactHeader {
    static let changed: UInt8 = 0b000 << 5
    static let answer: UInt8 = 0b001 << 5
    static let acknowledgement: UInt8 = 0b100 << 5
    static let request: UInt8 = 0b101 << 5
    static let general: UInt8 = 0b110 << 5
    static let content: UInt8 = 0b111 << 5

    static let low: UInt8 = 0b11111
    static let form: UInt8 = 0b111 << 5

    /// The numbers of the request form that are notifications.
    static let nonConfirmableNotification: UInt8 = 30
    static let confirmableNotification: UInt8 = 31
    static let mostShapes = 30

    /// The second byte of `answer`: a code of class 2, 4 or 5 for a piggybacked answer without options; otherwise these
    /// flags, and the code behind them.
    enum AnswerFlags {
        static let type: UInt8 = 0b11
        /// Options follow the code, and 0xFF before a payload.
        static let options: UInt8 = 0b100
        /// The message id is that of the answer's own frame, as with a separate response; otherwise the answered one's.
        static let ownMessageID: UInt8 = 0b1000
        /// The empty token: also that of empty messages.
        static let noToken: UInt8 = 0b1_0000
        static let all: UInt8 = 0b1_1111
    }

    /// The low bits of `general`.
    enum GeneralFlags {
        static let typeShift: UInt8 = 3
        static let messageID: UInt8 = 0b100
        static let token: UInt8 = 0b10
        static let payloadOnly: UInt8 = 0b1
    }
}
