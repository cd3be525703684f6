//! The closed lists of words that a format may contain.

use std::fmt;

/// Declares an enum together with the one word that stands for each value in every text.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$value_meta])* $value,)+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The word for this value in manifests, graph files and errors.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }

            /// The value that a word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// Type of one audio sample.
    SampleType {
        /// 32-bit float, full scale is -1 to 1.
        F32 = "f32",
        /// 64-bit float, full scale is -1 to 1.
        F64 = "f64",
        /// Signed 16-bit integer.
        I16 = "i16",
        /// Signed 32-bit integer.
        I32 = "i32",
        /// Unsigned 8-bit integer, silence is 128.
        U8 = "u8",
    }
}

named! {
    /// How the samples of several channels lie in memory.
    AudioLayout {
        /// The samples of one frame lie together.
        Interleaved = "interleaved",
        /// The samples of one channel lie together.
        Planar = "planar",
    }
}

named! {
    /// How a picture lies in memory.
    PixelFormat {
        /// Three bytes a pixel: red, green, blue.
        Rgb8 = "rgb8",
        /// Four bytes a pixel: red, green, blue, opacity.
        Rgba8 = "rgba8",
        /// One byte a pixel.
        Gray8 = "gray8",
        /// Planes Y, U and V, the last two at half the width and height.
        I420 = "i420",
        /// Plane Y, then U and V interleaved at half the width and height.
        Nv12 = "nv12",
    }
}

named! {
    /// Type of one tensor entry.
    DType {
        /// IEEE 754 half precision.
        F16 = "f16",
        /// The upper half of a 32-bit float.
        Bf16 = "bf16",
        /// 32-bit float.
        F32 = "f32",
        /// 64-bit float.
        F64 = "f64",
        /// Signed 8-bit integer.
        I8 = "i8",
        /// Signed 16-bit integer.
        I16 = "i16",
        /// Signed 32-bit integer.
        I32 = "i32",
        /// Signed 64-bit integer.
        I64 = "i64",
        /// Unsigned 8-bit integer.
        U8 = "u8",
        /// Unsigned 16-bit integer.
        U16 = "u16",
        /// Unsigned 32-bit integer.
        U32 = "u32",
        /// Unsigned 64-bit integer.
        U64 = "u64",
        /// One byte, 0 or 1.
        Bool = "bool",
    }
}
