/* language_plots.c - plots about things, help and friends */
#include "pipeline/demo/language.h"

/* the animal/where it is hurt or stuck/what saves it */
static const struct list hurt_animals =
    LIST("bird/Its wing was hurt/They put a soft cloth around its wing",
         "kitten/Its paw was hurt/They washed its paw and put a soft cloth around it",
         "puppy/Its leg was hurt/They put a soft cloth around its leg",
         "turtle/It was on its back and could not turn over/They turned it over with care",
         "butterfly/It was stuck in a web/They opened the web with a small stick",
         "bunny/Its foot was stuck under a stone/They lifted the stone together");
/* what one learns to do/-ing/the danger */
static const struct list skills = LIST(
    "swim/swimming/The water looked cold and deep", "ride a bike/riding a bike/The bike looked big and fast",
    "climb the tall tree/climbing the tall tree/The tree looked very high",
    "skate on the ice/skating on the ice/The "
    "ice looked hard and slippery",
    "jump over the stream/jumping over the stream/The stream looked very wide",
    "sing on the stage/singing on the stage/The stage looked very big");
static const struct list breakables = LIST("vase", "cup", "plate", "lamp", "clock", "bowl");
static const struct list seeds =
    LIST("flower/flowers", "pumpkin/pumpkins", "carrot/carrots", "tomato/tomatoes", "apple tree/apples");
/* what is baked/with article, and what may be missing for it/was or were */
static const struct list baked =
    LIST("cake/a cake", "pie/a pie", "bread/some bread", "cookies/some cookies", "pancakes/some pancakes");
static const struct list missing = LIST("sugar/was", "eggs/were", "milk/was", "flour/was", "butter/was");
static const struct list gifts = LIST("book", "flower", "picture", "shell", "star", "bell");

const struct plot language_plots[] = {
    {EITHER,
     {{'o', &language_toys}, {'c', &language_colors}, {'p', &language_places}, {'w', &language_hideouts}},
     {"$hn had @$c1 $o1. {It was $hp favorite toy.|^$hs took it everywhere.|^$hs loved the $c1 $o1 very "
      "much.}",
      "$od, $hn took the $c1 $o1 $p3.",
      "\n\n{When it was time to go home, the $c1 $o1 was gone.|After a while, $hn could not find the $c1 "
      "$o1.} "
      "^$hs looked and looked, but it was not there. \"Where is my $c1 $o1?\" {asked $hn|$hs cried}. ^$hs "
      "was very "
      "sad.",
      "\n\n{Then $hp friend $fr came.|^$hp friend $fr heard $ho crying.} \"{Do not worry|Do not cry}, $hn,\" "
      "said "
      "$hp friend. \"I will help you {find it|look for it}.\" They looked everywhere $p2. Then $hp friend "
      "looked "
      "$w1.",
      "\"I found {it|the $c1 $o1}!\" {shouted|said} $hp friend.",
      "\n\n$hn was so happy that $hs hugged $hp friend. \"Thank you, my friend,\" $hs said. \"You are {so "
      "kind|so "
      "good to me}.\" {From that day on, $hn took good care of the $c1 $o1.|Then $hn and $hp friend played "
      "with "
      "the $c1 $o1 together.}"}},
    {CHILDREN,
     {{'o', &language_toys}, {'c', &language_colors}, {'p', &language_places}},
     {"$od, $hn and $hp friend $fn {went|walked} $p3. There they saw @$c1 $o1.",
      "\n\n\"I want to play with the $c1 $o1,\" said $hn. \"No, I want {it|to play with it}!\" said $hp "
      "friend. "
      "{They both pulled the $o1.|They both held the $o1 and did not let go.} {They were angry.|Nobody was "
      "happy.}",
      "\n\nThen $hn's $mn came. \"{You can take turns|You can share}, $hn,\" $ms said. \"First you can play "
      "with "
      "the $o1, and then your friend can play with it.\"",
      "$hn {thought about it|was quiet for a moment}. \"{You are right|That is a good idea},\" said $hn. "
      "Then $hs "
      "turned to $hp friend. \"{I am sorry|Sorry}. {You can go first|You can play first}.\" ^$hp friend "
      "smiled. "
      "\"Thank you, $hn,\" $fs said.",
      "\n\nThey {took turns|shared the $c1 $o1} and had {a lot of|so much} fun. $hn and $hp friend learned "
      "that "
      "{sharing is fun|it is good to share|playing together is better than fighting}."}},
    {EITHER,
     {{'s', &skills}},
     {"$hn wanted to $s1. But $hs was afraid. $s3.",
      "\n\n{$od, $hp friend $fr came to visit.|$od, $hn met $hp friend $fr.} \"I cannot $s1,\" said $hn. \"I "
      "am "
      "{too scared|afraid}.\" \"{You can do it|Do not be afraid},\" said $hp friend. \"I will {stay with "
      "you|be "
      "next to you}. {Let us try|We can try} together.\"",
      "\n\n$hn took a deep breath and tried. The first time, it did not work. {$hn wanted to stop.|$hn felt "
      "sad.} "
      "\"Try again, $hn,\" said $hp friend. $hn tried again and again.",
      "{At last, |Then }$hs did it! \"{Look|Look, my friend}! I can $s1!\" shouted $hn.",
      "\n\n^$hp friend clapped. \"{I knew you could do it|You are very brave}, $hn!\" {said $hp friend|$fs "
      "said}. "
      "$hn was very proud. From that day on, $hn loved $s2. ^$hs learned that {you should not give up|it is "
      "good "
      "to try new things|a friend can help you be brave}."}},
    {CHILDREN,
     {{'a', &hurt_animals}, {'p', &language_places}},
     {"$od, $hn {was walking|was playing} $p2 with $hp friend $fn. {Suddenly, they heard a small cry.|Then "
      "they "
      "saw something in the grass.} It was a little $a1. $a2.",
      "\n\n\"{Oh no|Poor $a1},\" said $hn. \"{We must help it|It needs our help}.\" ^$hp friend was worried. "
      "\"What can we do?\" asked $hp friend. \"We can {ask|tell} my $mn,\" said $hn.",
      "\n\n$hn and $hp friend {ran home|went to the house} and {called|found} $hn's $mn. {^$ms came at "
      "once.|^$ms "
      "knew what to do.} $a3. The $a1 was not afraid any more.",
      "\n\nSoon the $a1 felt better. It {looked at $hn and $hp friend|stayed with them for a while}, and "
      "then it "
      "went home to its family. \"Goodbye, little $a1!\" said $hn. $hn and $hp friend were {happy|glad} that "
      "they "
      "had helped. {They learned that it feels good to be kind.|$hn's $mn was very proud of them.}"}},
    {EITHER,
     {{'e', &baked}, {'i', &missing}},
     {"It was the birthday of $hn's $mn. $hn wanted to make $e2 for $mo.",
      "\n\n$hn went to the kitchen and {got a big bowl|looked for everything that $hs needed}. But there $i2 "
      "no "
      "{more |}$i1. \"Oh no,\" said $hn. \"I cannot make the $e1 without $i1.\" {$hn felt sad.|^$hs did not "
      "know "
      "what to do.}",
      "\n\nThen $hn had an idea. ^$hs went to {see $hp friend $fr|the house of $hp friend $fr}. \"{Do you "
      "have|Can "
      "I have} some $i1, please?\" asked $hn. \"Yes, {of course|I have some $i1},\" said $hp friend. \"{I "
      "will "
      "help you|Let us start right now}.\"",
      "$hn and $hp friend made the $e1 together. The $e1 smelled very good.",
      "\n\nIn the evening, $hn gave the $e1 to $hp $mn. \"Happy birthday!\" said $hn and $hp friend. \"{What "
      "a "
      "nice surprise|Thank you both},\" said $hn's $mn. ^$ms hugged them, and they all ate the $e1. {It was "
      "the "
      "best birthday ever.|Everyone was happy.}"}},
    {CHILDREN,
     {{'b', &breakables}, {'c', &language_colors}},
     {"$od, $hn was {running|playing with a ball} in the house. $hp $mn had @$c1 $b1 that $ms loved. "
      "{Suddenly|Then}, $hn bumped into the table, and the $c1 $b1 fell down and broke.",
      "\n\n$hn was {scared|afraid}. ^$hs hid the pieces of the $b1 under the bed. But $hn felt bad{| "
      "inside}. ^$hs "
      "could not {play|eat} and could not sleep.",
      "\n\n{Then $hp friend $fn came to play. $hn told $fo about the $b1.|The next day, $hn told $hp friend "
      "$fn "
      "about it.} \"{You should tell the truth|Tell the truth}, $hn,\" said $hp friend. \"Then you will feel "
      "better.\"",
      "$hn went to $hp $mn. \"I am sorry,\" said $hn. \"I broke your $c1 $b1 and I hid the pieces.\"",
      "\n\n$hp $mn {was quiet for a moment, and then $ms smiled|looked at $hn and smiled}. \"Thank you for "
      "telling "
      "the truth,\" $ms said. \"{We can fix it together|That was brave of you}.\" $hn felt {much "
      "better|happy "
      "again}. ^$hs learned that {it is always good to tell the truth|telling the truth is the right thing "
      "to "
      "do}."}},
    {EITHER,
     {{'s', &seeds}, {'c', &language_colors}},
     {"$od, $hp $mn gave $ho a {small|tiny} seed. \"{If you take care of it, it will grow|Put it in the "
      "ground and "
      "give it water every day},\" said $hp $mn.",
      "\n\n$hn put the seed in @$c1 pot. ^$hs gave it water every {day|morning}. But nothing happened. "
      "{\"Why does "
      "it not grow?\" asked $hn.|$hn was sad.} \"{You must wait|Be patient},\" said $hp $mn. \"{Good things "
      "need "
      "time|It needs time}.\"",
      "\n\nSo $hn waited. The sun was warm, and the rain came. ^$hp friend $fr came to look at the $c1 pot "
      "every "
      "week. Then, one {day|morning}, there was a little green leaf! \"{Look, my friend|Look, look}!\" "
      "{shouted|said} $hn. \"It is growing!\"",
      "\n\nThe plant grew and grew. In the end there was a {beautiful|big} $s1. $hn {showed it to|shared it "
      "with} "
      "$hp friend and $hp $mn. {Everyone was happy. $hn|$hn was very proud. ^$hs} learned {to be "
      "patient|that good "
      "things need time}."}},
    {EITHER,
     {{'p', &language_places}, {'f', &gifts}},
     {"$od, $hn walked too far {and got lost|from home}. The sky got dark, and $hn did not know the way. "
      "\"{How "
      "can I get home|Where is my home}?\" asked $hn. ^$hs was {scared|very afraid} and began to cry.",
      "\n\nThen {$hs met $hp friend $fr|$hp friend $fr came along}. \"Why are you crying, $hn?\" asked $hp "
      "friend. \"I am lost,\" said $hn. \"{I want to go home|I cannot find my home}.\" \"{I know the way|I "
      "can "
      "help you},\" said $hp friend. \"Come with me.\"",
      "\n\n^$hp friend {took $hn by the hand|walked next to $hn}. They went $p3 and followed {the path|the "
      "stars}. {Soon|After a while}, $hn saw a light. \"That is my home!\" {said|shouted} $hn.",
      "^$hp $mn was waiting at the door and gave $ho a big hug.",
      "\n\n\"Thank you for {helping me|bringing me home}, my friend,\" said $hn. {The next day, $hn gave $hp "
      "friend a beautiful $f1.|^$hp $mn gave them both some warm soup.} After that, they were the best of "
      "friends. "
      "$hn never {went so far alone again|walked too far from home again}."}},
    {CHILDREN,
     {{'o', &language_toys}, {'c', &language_colors}},
     {"$hn went to school every day. $od, there was a new {child|pupil} in the class. It was a $fk named "
      "$fn. "
      "^$fs did not know anyone and sat alone. ^$fs was {very shy|sad}.",
      "\n\n$hn saw the new $fk and wanted to {help|be kind}. ^$hs walked to $fo and smiled. \"Hello, my name "
      "is "
      "$hn,\" $hs said. \"{Do you want to|Would you like to} play with me?\" The new $fk looked up. \"{Yes, "
      "please|I would like that},\" $fs said.",
      "\n\n$hn had @$c1 $o1 in $hp bag. They played with the $c1 $o1 {all day|until the bell rang}. They "
      "{laughed|talked and laughed}. The new $fk {was not alone any more|felt much better}.",
      "\n\nWhen school was over, $hp new friend said, \"Thank you, $hn. {You are my first friend here|Today "
      "was a "
      "good day}.\" $hn smiled. \"{See you tomorrow|We will play again tomorrow},\" said $hn. {From that day "
      "on, "
      "they were best friends.|$hn learned that a kind word can make a friend.}"}},
};
const unsigned n_language_plots = sizeof language_plots / sizeof *language_plots;
