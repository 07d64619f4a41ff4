/// The units registry of SenML: RFC 8428 section 12.1, RFC 8798 sections 2 and 3.
enum SenMLUnits {
    static let all: Set<String> = [
        // RFC 8428, those that it recommends and those that it only lists.
        "m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V", "F", "Ohm", "S",
        "Wb",
        "T", "H", "Cel", "lm", "lx", "Bq", "Gy", "Sv", "kat", "m2", "m3", "l", "m/s", "m/s2", "m3/s", "l/s", "W/m2",
        "cd/m2", "bit", "bit/s", "lat", "lon", "pH", "dB", "dBW", "Bspl", "count", "/", "%", "%RH", "%EL", "EL", "1/s",
        "1/min", "beat/min", "beats", "S/m",
        // RFC 8798.
        "B", "VA", "VAs", "var", "vars", "J/m", "kg/m3", "deg",
        "ms", "min", "h", "MHz", "kW", "kVA", "kvar", "Ah", "Wh", "kWh", "varh", "kvarh", "kVAh", "Wh/km", "KiB", "GB",
        "Mbit/s", "B/s", "MB/s", "mV", "mA", "dBm", "ug/m3", "mm/h", "m/h", "ppm", "/100", "/1000", "hPa", "mm", "cm",
        "km",
        "km/h",
    ]

    /// What is written by mistake.
    static let meant: [String: String] = [
        "°C": "Cel", "degC": "Cel", "celsius": "Cel", "°": "deg", "RH": "%RH", "ohm": "Ohm", "Ω": "Ohm", "lux": "lx",
        "dbm": "dBm", "hpa": "hPa", "volt": "V", "L": "l", "kph": "km/h", "m³": "m3", "m²": "m2", "mBar": "hPa",
        "mbar": "hPa",
    ]
}
